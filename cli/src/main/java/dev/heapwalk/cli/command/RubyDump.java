// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.heap.dump.DumpOutput;
import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.dump.Dump;
import dev.heapwalk.ruby.dump.HeapDump;
import dev.heapwalk.ruby.dump.ObjectSpaceDump;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongConsumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code heapwalk ruby dump}: every object, a line each. */
@Command(name = "dump", description = "Write every object with its contents and references, one JSON object a line.")
final class RubyDump extends DumpCommand<RubyVm> {
    @Option(
            names = "--format",
            paramLabel = "heap_dump|objectspace",
            description = "heap_dump (the default): with contents, names and positions; "
                    + "objectspace: what ObjectSpace.dump_all of that Ruby writes.")
    private DumpFormat format = DumpFormat.HEAP_DUMP;

    @Option(
            names = "--reachable",
            description =
                    "Only the objects that a root reaches. The default has all, also garbage that Ruby has not freed yet.")
    private boolean reachable;

    @Option(
            names = "--exact-references",
            description =
                    "No references that are guessed. The default searches the memory of objects of C extensions whose "
                            + "code does not tell what they refer to; heap_dump names what was found so in guessed.")
    private boolean exactReferences;

    @Option(names = "--mongo", description = "Call the id _id, so that mongoimport takes the file as it is.")
    private boolean mongo;

    private final RubyLooks looks = new RubyLooks(this, RubyLooks.Need.NOTHING_NEW, vm -> tryOut(vm.target(), vm));

    @Override
    RuntimeLooks<RubyVm> looks() {
        return looks;
    }

    @Override
    boolean cutsText() {
        return format == DumpFormat.HEAP_DUMP;
    }

    @Override
    void check() {
        super.check();
        if (mongo && format != DumpFormat.HEAP_DUMP) {
            throw wrong("--mongo is for --format heap_dump");
        }
    }

    @Override
    DumpSummary write(RubyVm vm, DumpOutput out, Progress progress) {
        long bytes = (long) vm.pages().count() * vm.pages().bodySize();
        double bytesASlot = (double) bytes / Math.max(1, vm.pages().totalSlots());
        LongConsumer done = slots -> progress.at((long) (slots * bytesASlot), bytes);
        Dump<?> all = format == DumpFormat.OBJECTSPACE
                ? ObjectSpaceDump.of(vm)
                : HeapDump.of(vm, mongo ? HeapDump.Id.MONGO : HeapDump.Id.PLAIN);
        all = all.atMost(limit()).telling(told());
        all = exactReferences ? all.exactReferences() : all;
        return (reachable ? all.reachable() : all).write(out, done);
    }

    @Override
    String part(DumpSummary written) {
        return String.format(
                Locale.ROOT,
                "%,d of at most %,d objects were written",
                written.objects(),
                written.objects() + written.left());
    }

    @Override
    void tellMore(DumpSummary written, StringBuilder line) {
        unknown("sizes", written.unknownSizes(), line);
        unknown("more references", written.unknownReferences(), line);
    }

    /** Tells what only the functions of C extensions know. */
    private static void unknown(String what, Map<String, Long> ofTypes, StringBuilder line) {
        if (!ofTypes.isEmpty()) {
            line.append("; ").append(what).append(" not known of ").append(counts(ofTypes, ""));
        }
    }
}
