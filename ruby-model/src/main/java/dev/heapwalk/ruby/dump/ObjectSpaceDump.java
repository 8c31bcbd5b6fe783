// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.content.Allocations;
import dev.heapwalk.ruby.gc.DataOwners;
import dev.heapwalk.ruby.gc.Reachability;
import dev.heapwalk.ruby.gc.Roots;
import dev.heapwalk.text.JsonLines;
import dev.heapwalk.text.TextRules;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.function.LongPredicate;

/**
 * Writes a heap in the lines of the target's own {@code ObjectSpace.dump_all}, key for key, so that tools for those
 * read it: first a line for each kind of root, then one for each shape since 3.2, then one for each object. Where Ruby
 * would write what is no JSON, such as a class name with a quote in it, these lines are JSON.
 *
 * <p>Several threads write where there is enough to do; the lines come in the order of the addresses all the same.
 *
 * <p>Free slots are left out, and so is garbage that the target has not yet swept, as {@code dump_all} sweeps before it
 * begins.
 */
public final class ObjectSpaceDump {
    private final RubyVm vm;
    private final boolean reachable;
    private final boolean guessing;
    private final long limit;
    private final Disclosure disclosure;

    private ObjectSpaceDump(RubyVm vm, boolean reachable, boolean guessing, long limit, Disclosure disclosure) {
        this.vm = vm;
        this.reachable = reachable;
        this.guessing = guessing;
        this.limit = limit;
        this.disclosure = disclosure;
    }

    /**
     * Prepares a dump.
     *
     * @param vm the virtual machine whose heap to dump
     * @return the dump
     */
    public static ObjectSpaceDump of(RubyVm vm) {
        return new ObjectSpaceDump(vm, false, true, DumpLimit.NONE, Disclosure.WHOLE);
    }

    /**
     * Prepares a dump of what the roots reach. The lines of roots and shapes are those of any dump.
     *
     * @return a dump that leaves out the other objects
     */
    public ObjectSpaceDump reachable() {
        return new ObjectSpaceDump(vm, true, guessing, limit, disclosure);
    }

    /**
     * Prepares a dump without references that are guessed. Where only a C extension's own code knows what an object
     * refers to, and that code is not understood, others have what the object's memory holds that looks like a
     * reference.
     *
     * @return a dump that leaves these out
     */
    public ObjectSpaceDump exactReferences() {
        return new ObjectSpaceDump(vm, reachable, false, limit, disclosure);
    }

    /**
     * Prepares a dump of limited length. It has the first lines that there is room for, whole ones, and ends where a
     * line has none; {@link DumpSummary#left()} then tells that objects are missing.
     *
     * @param bytes how many bytes the lines may have in all
     * @return a dump that ends there
     * @throws IllegalArgumentException if that is less than one
     */
    public ObjectSpaceDump atMost(long bytes) {
        return new ObjectSpaceDump(vm, reachable, guessing, DumpLimit.checked(bytes), disclosure);
    }

    /**
     * Prepares a dump that tells less of what Strings and Symbols hold than Ruby's own: it has the beginning of a {@code
     * value} and a key {@code sha256}, or a digest as the {@code value}.
     *
     * @param told how much; {@link Disclosure#WHOLE} if nothing else is said
     * @return a dump that tells no more
     */
    public ObjectSpaceDump telling(Disclosure told) {
        return new ObjectSpaceDump(vm, reachable, guessing, limit, told);
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
        DumpSummary head = batches.head(lines -> head(reader, lines), DumpSummary.head(0, List.of()));
        if (batches.full()) {
            return batches.summary(List.of(head), null);
        }
        TextRules rules = disclosure.rules(vm);
        Allocations allocations = Allocations.find(reader);
        Reachability reached = reachable ? Reachability.of(reader) : null;
        DataOwners owners = guessing ? new DataOwners(vm) : null;
        List<DumpSummary> parts = new ArrayList<>();
        parts.add(head);
        parts.addAll(batches.write((own, lines) -> new Objects(own, reached, allocations, owners, rules, lines)));
        return batches.summary(parts, reached);
    }

    /** Writes the lines of roots and shapes. */
    private static DumpSummary head(ObjectReader reader, OutputStream out) {
        JsonLines json = new JsonLines(out);
        Roots roots = new Roots(reader);
        new RootLines(roots, json).write();
        List<String> holes = new ArrayList<>(roots.missing());
        if (ObjectSpaceFormat.of(reader.series()).shapes()) {
            long unread = new ShapeLines(reader, new Names(reader)).write(json);
            if (unread > 0) {
                holes.add("%,d shapes can't be read, and have no lines".formatted(unread));
            }
        }
        json.flush();
        return DumpSummary.head(json.bytes(), holes);
    }

    /** Writes the lines of objects, for one thread. */
    private static final class Objects implements PageBatches.Writer {
        private final SlotCursor slot;
        private final Reachability reached;
        private final SlotLines lines;
        private final JsonLines json;
        private final List<DumpSummary.Damage> damage = new ArrayList<>();
        private long objects;
        private long damaged;

        private Objects(
                ObjectReader reader,
                Reachability reached,
                Allocations allocations,
                DataOwners owners,
                TextRules rules,
                OutputStream out) {
            this.reached = reached;
            json = new JsonLines(out);
            slot = reader.vm().slots(reader);
            LongPredicate written = reached == null ? address -> true : reached::contains;
            lines = new SlotLines(slot, reader, allocations.with(reader), written, owners, rules, json);
        }

        @Override
        public void write(int first, int end) {
            slot.within(first, end);
            while (slot.next()) {
                SlotState state = slot.state();
                if ((state == SlotState.LIVE || state == SlotState.ZOMBIE)
                        && (reached == null || reached.contains(slot.address()))) {
                    objects++;
                    if (!lines.write() && ++damaged <= DumpSummary.MOST_DAMAGE) {
                        damage.add(new DumpSummary.Damage(
                                slot.address(), "the object is damaged, and its line lacks something"));
                    }
                }
            }
            json.flush();
        }

        @Override
        public long objects() {
            return objects;
        }

        @Override
        public DumpSummary summary() {
            return new DumpSummary(
                    objects,
                    json.bytes(),
                    lines.opaque().sizes(),
                    lines.opaque().references(),
                    lines.opaque().guessed(),
                    damaged,
                    damage,
                    slot.holes(),
                    0);
        }

        @Override
        public void close() {
            lines.close();
            slot.close();
        }
    }
}
