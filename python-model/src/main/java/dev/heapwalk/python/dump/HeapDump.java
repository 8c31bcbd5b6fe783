// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.dump;

import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.dump.Disclosure;
import dev.heapwalk.heap.dump.DumpLimit;
import dev.heapwalk.heap.dump.DumpOutput;
import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.heap.dump.LineBatches;
import dev.heapwalk.python.ObjectCursor;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.text.TextRules;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Writes a Python heap: a line of JSON for the interpreters and their threads, which comes first, and one for each
 * object, with its contents and references. What the keys mean is written in {@code docs/python-dump.md}. A dump never
 * changes: what leaves something out returns another one.
 *
 * <p>Several threads write where there is enough to do; the lines come in the order of the walk all the same, and then
 * those of objects that are variables of a module, as far as another line refers to them.
 */
public final class HeapDump {
    /**
     * The number of the format, which the first line has. It is one more where a reader of the former would go wrong;
     * keys may be added without that.
     */
    public static final int FORMAT = 1;

    private final PythonRuntime runtime;
    private final Heaps heaps;
    private final long limit;
    private final Disclosure told;

    /** Is told how far a dump is. */
    @FunctionalInterface
    public interface Progress {
        /**
         * Tells how far it is; by one thread at a time.
         *
         * @param done how many objects are done
         * @param total how many there are, as far as that is known
         */
        void at(long done, long total);
    }

    private HeapDump(PythonRuntime runtime, Heaps heaps, long limit, Disclosure told) {
        this.runtime = runtime;
        this.heaps = heaps;
        this.limit = limit;
        this.told = told;
    }

    /**
     * Prepares a dump of all objects.
     *
     * @param runtime the runtime whose heap to dump
     * @param heaps the heaps of the same target, whose allocators have the larger objects
     * @return the dump
     */
    public static HeapDump of(PythonRuntime runtime, Heaps heaps) {
        return new HeapDump(runtime, heaps, DumpLimit.NONE, Disclosure.WHOLE);
    }

    /**
     * Prepares a dump of limited length. It has the first lines that there is room for, whole ones, and ends where a
     * line has none; {@link DumpSummary#left()} then tells that objects are missing.
     *
     * @param bytes how many bytes the lines may have in all
     * @return a dump that ends there
     * @throws IllegalArgumentException if that is less than one
     */
    public HeapDump atMost(long bytes) {
        return new HeapDump(runtime, heaps, DumpLimit.checked(bytes), told);
    }

    /**
     * Prepares a dump that tells less of what strings and their like hold.
     *
     * @param some how much; {@link Disclosure#WHOLE} if nothing else is said
     * @return a dump that tells no more
     */
    public HeapDump telling(Disclosure some) {
        return new HeapDump(runtime, heaps, limit, some);
    }

    /**
     * Writes all lines.
     *
     * @param out where they go
     * @param progress is told now and then how far it is
     * @return what was written
     * @throws UncheckedIOException if writing fails
     */
    public DumpSummary write(DumpOutput out, Progress progress) {
        TextRules rules = told.rules(runtime.target());
        try (ObjectCursor cursor = runtime.objects(heaps)) {
            ObjectBatches objects = new ObjectBatches(runtime, cursor, progress);
            objects.begin(rules, limit);
            LineBatches batches = new LineBatches(objects, objects.threads(), out, limit);
            List<DumpSummary> parts = new ArrayList<>();
            parts.add(batches.head(
                    lines -> new FirstLine(runtime, objects).write(lines), DumpSummary.head(0, List.of())));
            if (!batches.full()) {
                parts.addAll(batches.write());
            }
            if (!batches.full() && objects.goOn()) {
                parts.addAll(batches.write(1));
            }
            DumpSummary all = batches.summary(parts);
            return all.with(Stream.concat(
                            all.holes().stream(), cursor.damages().stream().map(HeapDump::told))
                    .toList());
        }
    }

    private static String told(Damage damage) {
        String place = "0x%x".formatted(damage.address());
        return damage.address() == Damage.NOWHERE || damage.reason().contains(place)
                ? damage.reason()
                : "%s, at %s".formatted(damage.reason(), place);
    }
}
