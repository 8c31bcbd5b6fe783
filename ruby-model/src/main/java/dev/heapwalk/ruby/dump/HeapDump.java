// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.content.Allocations;
import dev.heapwalk.ruby.gc.DataOwners;
import dev.heapwalk.ruby.gc.Reachability;
import dev.heapwalk.ruby.vm.Interpreter;
import dev.heapwalk.ruby.vm.RubyThreads;
import dev.heapwalk.text.JsonLines;
import dev.heapwalk.text.TextRules;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.function.LongPredicate;

/**
 * Writes a heap in the format of heap_dump: a line of JSON for the roots, which comes first, and one for each object,
 * with its contents. Contents that several objects share are in the line of the one that they share with. What the keys
 * mean is written in {@code docs/ruby-dump.md}.
 *
 * <p>Several threads write where there is enough to do; the lines come in the order of the addresses all the same.
 */
public final class HeapDump {
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

    private final RubyVm vm;
    private final Id id;
    private final boolean reachable;
    private final boolean guessing;
    private final long limit;
    private final Disclosure disclosure;

    private HeapDump(RubyVm vm, Id id, boolean reachable, boolean guessing, long limit, Disclosure disclosure) {
        this.vm = vm;
        this.id = id;
        this.reachable = reachable;
        this.guessing = guessing;
        this.limit = limit;
        this.disclosure = disclosure;
    }

    /**
     * Prepares a dump of all objects.
     *
     * @param vm the virtual machine whose heap to dump
     * @param id what the id is called
     * @return the dump
     */
    public static HeapDump of(RubyVm vm, Id id) {
        return new HeapDump(vm, id, false, true, DumpLimit.NONE, Disclosure.WHOLE);
    }

    /**
     * Prepares a dump of what the roots reach.
     *
     * @return a dump that leaves out the other objects
     */
    public HeapDump reachable() {
        return new HeapDump(vm, id, true, guessing, limit, disclosure);
    }

    /**
     * Prepares a dump without references that are guessed. Where only a C extension's own code knows what an object
     * refers to, and that code is not understood, others have what the object's memory holds that looks like a
     * reference.
     *
     * @return a dump that leaves these out
     */
    public HeapDump exactReferences() {
        return new HeapDump(vm, id, reachable, false, limit, disclosure);
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
        return new HeapDump(vm, id, reachable, guessing, DumpLimit.checked(bytes), disclosure);
    }

    /**
     * Prepares a dump that tells less of what Strings and their like hold.
     *
     * @param told how much; {@link Disclosure#WHOLE} if nothing else is said
     * @return a dump that tells no more
     */
    public HeapDump telling(Disclosure told) {
        return new HeapDump(vm, id, reachable, guessing, limit, told);
    }

    /**
     * Writes all lines.
     *
     * @param out where they go
     * @param progress is now and then given the number of slots that are done, of {@link
     *     dev.heapwalk.ruby.HeapPages#totalSlots()}
     * @return what was written
     * @throws UncheckedIOException if writing fails
     */
    public DumpSummary write(DumpOutput out, LongConsumer progress) {
        PageBatches batches = new PageBatches(vm, out, limit, progress);
        ObjectReader reader = batches.reader();
        TextRules rules = disclosure.rules(vm);
        DumpSummary head = batches.head(lines -> roots(reader, rules, lines), DumpSummary.head(0, List.of()));
        if (batches.full()) {
            return batches.summary(List.of(head), null);
        }
        Allocations allocations = Allocations.find(reader);
        Reachability reached = reachable ? Reachability.of(reader) : null;
        DataOwners owners = guessing ? new DataOwners(vm) : null;
        List<DumpSummary> parts = new ArrayList<>();
        parts.add(head);
        parts.addAll(batches.write((own, lines) -> new Objects(own, reached, owners, rules, allocations, lines)));
        return batches.summary(parts, reached);
    }

    private DumpSummary roots(ObjectReader reader, TextRules rules, OutputStream out) {
        JsonLines json = new JsonLines(out);
        try (ObjectLines lines = lines(reader, json, rules, null, null, Allocations.none(reader))) {
            List<String> holes = lines.roots();
            json.flush();
            return DumpSummary.head(json.bytes(), holes);
        }
    }

    private ObjectLines lines(
            ObjectReader reader,
            JsonLines json,
            TextRules rules,
            Reachability reached,
            DataOwners owners,
            Allocations allocations) {
        LongPredicate written = reached == null ? address -> true : reached::contains;
        RubyThreads threads = new RubyThreads(new Interpreter(reader));
        return new ObjectLines(threads, allocations.with(reader), json, id, rules, written, written, owners, limit);
    }

    /** Writes the lines of objects, for one thread. */
    private final class Objects implements PageBatches.Writer {
        private final SlotCursor slot;
        private final Reachability reached;
        private final JsonLines json;
        private final ObjectLines lines;

        private Objects(
                ObjectReader reader,
                Reachability reached,
                DataOwners owners,
                TextRules rules,
                Allocations allocations,
                OutputStream out) {
            this.slot = vm.slots(reader);
            this.reached = reached;
            this.json = new JsonLines(out);
            this.lines = lines(reader, json, rules, reached, owners, allocations);
        }

        @Override
        public void write(int first, int end) {
            slot.within(first, end);
            try {
                while (slot.next()) {
                    if (reached == null || reached.contains(slot.address())) {
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
