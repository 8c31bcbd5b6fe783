// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.heap.dump.DumpLimit;
import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.content.Allocations;
import dev.heapwalk.ruby.vm.Interpreter;
import dev.heapwalk.ruby.vm.RubyThreads;
import dev.heapwalk.text.JsonLines;
import dev.heapwalk.text.TextRules;
import java.io.OutputStream;
import java.util.List;
import java.util.function.LongPredicate;

/**
 * Writes a heap in the format of heap_dump: a line of JSON for the roots, which comes first, and one for each object,
 * with its contents. Contents that several objects share are in the line of the one that they share with. What the keys
 * mean is written in {@code docs/ruby-dump.md}.
 */
public final class HeapDump extends Dump<HeapDump> {
    /** What the id is called. */
    public enum Id {
        /** {@code id}, as in heap_dump. */
        PLAIN,
        /** {@code _id}, the key that MongoDB identifies documents by. */
        MONGO
    }

    /**
     * The number of the format, which the first line has. It is one more where a reader of the former would go wrong;
     * keys may be added without that.
     */
    public static final int FORMAT = 1;

    private final Id id;

    private HeapDump(RubyVm vm, Id id, Extent extent) {
        super(vm, extent);
        this.id = id;
    }

    /**
     * Prepares a dump of all objects.
     *
     * @param vm the virtual machine whose heap to dump
     * @param id what the id is called
     * @return the dump
     */
    public static HeapDump of(RubyVm vm, Id id) {
        return new HeapDump(vm, id, Extent.WHOLE);
    }

    @Override
    HeapDump with(Extent other) {
        return new HeapDump(vm, id, other);
    }

    @Override
    DumpSummary head(ObjectReader reader, TextRules rules, OutputStream out) {
        JsonLines json = new JsonLines(out);
        Shared none = new Shared(rules, Allocations.none(reader), null, null, room());
        try (ObjectLines lines = lines(reader, none, json)) {
            List<String> holes = lines.roots();
            json.flush();
            return DumpSummary.head(json.bytes(), holes);
        }
    }

    @Override
    PageBatches.Writer writer(ObjectReader reader, Shared shared, OutputStream lines) {
        return new Objects(reader, shared, lines);
    }

    private ObjectLines lines(ObjectReader reader, Shared shared, JsonLines json) {
        LongPredicate written = shared.written();
        return new ObjectLines(
                new RubyThreads(new Interpreter(reader)),
                shared.allocations().with(reader),
                json,
                id,
                shared.rules(),
                written,
                written,
                shared.owners(),
                shared.room());
    }

    /** Writes the lines of objects, for one thread. */
    private final class Objects implements PageBatches.Writer {
        private final SlotCursor slot;
        private final Shared shared;
        private final JsonLines json;
        private final ObjectLines lines;

        private Objects(ObjectReader reader, Shared shared, OutputStream out) {
            this.slot = vm.slots(reader);
            this.shared = shared;
            this.json = new JsonLines(out);
            this.lines = lines(reader, shared, json);
        }

        @Override
        public void write(int first, int end) {
            slot.within(first, end);
            try {
                while (slot.next()) {
                    if (shared.has(slot.address())) {
                        lines.slot(slot);
                    }
                }
            } catch (DumpLimit.LineTooLong e) {
                json.flush();
                throw e;
            }
            json.flush();
        }

        @Override
        public long objects() {
            return lines.objects();
        }

        @Override
        public DumpSummary summary() {
            return lines.summary().with(slot.holes());
        }

        @Override
        public void close() {
            lines.close();
            slot.close();
        }
    }
}
