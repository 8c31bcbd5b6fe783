// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.HeapPages;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.dump.HeapDump;
import dev.heapwalk.ruby.dump.JsonLines;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code heapwalk ruby dump}: every object, a line each. */
@Command(
        name = "dump",
        description = "Write every object with its contents and references, one JSON object a line.")
final class RubyDump extends TargetCommand {
    @Parameters(paramLabel = "TARGET", description = "A process id, a core file, or demo.")
    private String target;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FILE",
            description = "Where it goes; - or none is standard output. It is compressed if the name ends in .gz, "
                    + "has its name only when it is whole, and only you may read it.")
    private Path output;

    @Option(
            names = "--format",
            paramLabel = "heap_dump",
            description = "heap_dump (the default): contents, names and positions.")
    private DumpFormat format = DumpFormat.HEAP_DUMP;

    @Option(names = "--mongo", description = "Call the id _id, so that mongoimport takes the file as it is.")
    private boolean mongo;

    @Override
    String target() {
        return target;
    }

    @Override
    Demo demo() {
        return Demo.ruby();
    }

    /** What came of it. */
    private record Outcome(long objects, long bytes) {}

    @Override
    int answer(Subject subject) {
        Problems problems = new Problems();
        Progress progress = new Progress();
        Path file = output == null || output.toString().equals("-") ? null : output;
        try (DumpFile to = DumpFile.to(file)) {
            long begun = System.nanoTime();
            Outcome outcome = reading(subject, problems, progress, opened -> dump(opened, to, problems, progress));
            long read = System.nanoTime();
            int status = printing(subject, problems, to::finish);
            Failure.say(String.format(
                    Locale.ROOT,
                    "%,d objects, %,d bytes in %.2f s%s",
                    outcome.objects,
                    outcome.bytes,
                    (System.nanoTime() - begun) / 1e9,
                    stops(subject) ? String.format(Locale.ROOT, "; the process stood still for %.2f s", (read - begun) / 1e9) : ""));
            return status;
        }
    }

    private Outcome dump(Target opened, DumpFile to, Problems problems, Progress progress) {
        RubyVm vm = Ruby.locate(opened, problems);
        HeapPages pages = vm.pages();
        ObjectReader reader = vm.reader();
        SlotCursor slot = vm.slots(reader);
        JsonLines json = new JsonLines(to.stream());
        HeapDump dump = new HeapDump(reader, json, mongo ? HeapDump.Id.MONGO : HeapDump.Id.PLAIN);
        int page = -1;
        while (slot.next()) {
            dump.slot(slot);
            if (slot.page() != page) {
                page = slot.page();
                progress.at((long) page * vm.layout().page().bodySize(), (long) pages.count() * vm.layout().page().bodySize());
            }
        }
        json.flush();
        slot.holes().forEach(problems::missing);
        dump.damage().forEach(problems::missing);
        if (dump.damaged() > dump.damage().size()) {
            problems.missing("%,d objects are damaged in all".formatted(dump.damaged()));
        }
        return new Outcome(dump.objects(), json.bytes());
    }
}
