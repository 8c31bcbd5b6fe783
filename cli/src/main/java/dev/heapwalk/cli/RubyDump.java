// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.Reachability;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.dump.HeapDump;
import dev.heapwalk.ruby.dump.JsonLines;
import dev.heapwalk.ruby.dump.ObjectSpaceDump;
import dev.heapwalk.ruby.vm.Interpreter;
import dev.heapwalk.ruby.vm.RubyThread;
import dev.heapwalk.ruby.vm.RubyThreads;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
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
            paramLabel = "heap_dump|objectspace",
            description = "heap_dump (the default): with contents, names and positions; "
                    + "objectspace: as that Ruby's own ObjectSpace.dump_all writes it.")
    private DumpFormat format = DumpFormat.HEAP_DUMP;

    @Option(
            names = "--reachable",
            description = "Only what the roots reach; the default is every object that has yet to be swept as well.")
    private boolean reachable;

    @Option(names = "--mongo", description = "Call the id _id, so that mongoimport takes the file as it is.")
    private boolean mongo;

    @Override
    String target() {
        return target;
    }

    @Override
    void check() {
        if (mongo && format != DumpFormat.HEAP_DUMP) {
            throw wrong("--mongo is for --format heap_dump");
        }
        if (reachable && format != DumpFormat.HEAP_DUMP) {
            throw wrong("--reachable is for --format heap_dump");
        }
    }

    /** What came of it. */
    private record Outcome(long objects, long bytes, Map<String, Long> unknownSizes, Map<String, Long> unknownReferences) {}

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
            Failure.say(summary(subject, outcome, read - begun, System.nanoTime() - begun));
            return status;
        }
    }

    private String summary(Subject subject, Outcome outcome, long reading, long all) {
        StringBuilder line = new StringBuilder(String.format(
                Locale.ROOT, "%,d objects, %,d bytes in %.2f s", outcome.objects, outcome.bytes, all / 1e9));
        if (stops(subject)) {
            line.append(String.format(Locale.ROOT, "; the process stood still for %.2f s", reading / 1e9));
        }
        unknown("sizes", outcome.unknownSizes, line);
        unknown("more references", outcome.unknownReferences, line);
        return line.toString();
    }

    /** Tells what only the functions of C extensions know. */
    private static void unknown(String what, Map<String, Long> counts, StringBuilder line) {
        if (!counts.isEmpty()) {
            line.append("; ").append(what).append(" not known of ").append(counts.entrySet().stream()
                    .map(type -> String.format(Locale.ROOT, "%,d %s", type.getValue(), type.getKey()))
                    .collect(Collectors.joining(", ")));
        }
    }

    private Outcome dump(Target opened, DumpFile to, Problems problems, Progress progress) {
        RubyVm vm = Ruby.locate(opened, problems);
        long all = (long) vm.pages().count() * vm.layout().page().bodySize();
        return format == DumpFormat.OBJECTSPACE
                ? objectSpace(vm, to, all, problems, progress)
                : heapDump(vm, to, all, problems, progress);
    }

    private Outcome objectSpace(RubyVm vm, DumpFile to, long all, Problems problems, Progress progress) {
        double bytesASlot = (double) all / Math.max(1, vm.pages().totalSlots());
        ObjectSpaceDump.Summary summary =
                ObjectSpaceDump.of(vm).write(to.stream(), slots -> progress.at((long) (slots * bytesASlot), all));
        summary.holes().forEach(problems::missing);
        summary.damagedAddresses().forEach(address -> problems.hole(address, "the object is damaged, and its line lacks something"));
        tellAll(summary.damaged(), summary.damagedAddresses().size(), problems);
        return new Outcome(summary.objects(), summary.bytes(), summary.unknownSizes(), summary.unknownReferences());
    }

    private Outcome heapDump(RubyVm vm, DumpFile to, long all, Problems problems, Progress progress) {
        ObjectReader reader = vm.reader();
        SlotCursor slot = vm.slots(reader);
        JsonLines json = new JsonLines(to.stream());
        HeapDump dump = new HeapDump(reader, json, mongo ? HeapDump.Id.MONGO : HeapDump.Id.PLAIN);
        RubyThreads threads = new RubyThreads(new Interpreter(reader));
        List<Long> living = threads.living().stream().map(RubyThread::self).toList();
        threads.notes().forEach(problems::missing);
        dump.roots(living).forEach(problems::missing);
        Reachability reached = reachable ? Reachability.of(reader) : null;
        int page = -1;
        while (slot.next()) {
            if (reached == null || reached.contains(slot.address())) {
                dump.slot(slot);
            }
            if (slot.page() != page) {
                page = slot.page();
                progress.at((long) page * vm.layout().page().bodySize(), all);
            }
        }
        json.flush();
        slot.holes().forEach(problems::missing);
        dump.damage().forEach(problems::missing);
        tellAll(dump.damaged(), dump.damage().size(), problems);
        return new Outcome(dump.objects(), json.bytes(), dump.unknownSizes(), dump.unknownReferences());
    }

    private static void tellAll(long damaged, int told, Problems problems) {
        if (damaged > told) {
            problems.missing("%,d objects are damaged in all".formatted(damaged));
        }
    }
}
