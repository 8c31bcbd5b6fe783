// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.heap.dump.Disclosure;
import dev.heapwalk.heap.dump.DumpLimit;
import dev.heapwalk.heap.dump.DumpOutput;
import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.heap.dump.LineBatches;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.content.Allocations;
import dev.heapwalk.ruby.gc.DataOwners;
import dev.heapwalk.ruby.gc.Reachability;
import dev.heapwalk.text.TextRules;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.function.LongPredicate;

/**
 * Writes a heap, a line for each object, and says how much of it. A dump never changes: what leaves something out
 * returns another one.
 *
 * <p>Several threads write where there is enough to do; the lines come in the order of the addresses all the same.
 *
 * @param <D> the format
 */
public abstract sealed class Dump<D extends Dump<D>> permits HeapDump, ObjectSpaceDump {
    final RubyVm vm;
    private final Extent extent;

    /**
     * What of a heap a dump has.
     *
     * @param reachable whether only what the roots reach
     * @param guessing whether it has references that are guessed
     * @param limit how many bytes, {@link DumpLimit#NONE} for any number
     * @param disclosure what it tells of contents
     */
    record Extent(boolean reachable, boolean guessing, long limit, Disclosure disclosure) {
        static final Extent WHOLE = new Extent(false, true, DumpLimit.NONE, Disclosure.WHOLE);
    }

    /**
     * What the threads of one dump share.
     *
     * @param rules how much they tell of text and bytes
     * @param allocations where objects were made; each thread reads them by a reader of its own
     * @param reached which slots have lines; null for all
     * @param owners tells whose memory is searched where references are guessed; null if none are
     * @param room how many bytes the dump may have
     */
    record Shared(TextRules rules, Allocations allocations, Reachability reached, DataOwners owners, long room) {
        /** Tells of the address of a slot whether the dump has its line. */
        LongPredicate written() {
            return reached == null ? address -> true : reached::contains;
        }

        /** Whether the dump has the line of a slot. */
        boolean has(long address) {
            return reached == null || reached.contains(address);
        }
    }

    Dump(RubyVm vm, Extent extent) {
        this.vm = vm;
        this.extent = extent;
    }

    /** The same format with another extent. */
    abstract D with(Extent other);

    /** Writes the lines that come before all objects, to where they go. */
    abstract DumpSummary head(ObjectReader reader, TextRules rules, OutputStream lines);

    /** Makes what writes the lines of objects in one thread. */
    abstract PageBatches.Writer writer(ObjectReader reader, Shared shared, OutputStream lines);

    /** How many bytes the dump may have. */
    final long room() {
        return extent.limit;
    }

    /**
     * Prepares a dump of what the roots reach. The lines that come before all objects are those of any dump.
     *
     * @return a dump that leaves out the other objects
     */
    public final D reachable() {
        return with(new Extent(true, extent.guessing, extent.limit, extent.disclosure));
    }

    /**
     * Prepares a dump without references that are guessed. Where only a C extension's own code knows what an object
     * refers to, and that code is not understood, others have what the object's memory holds that looks like a
     * reference.
     *
     * @return a dump that leaves these out
     */
    public final D exactReferences() {
        return with(new Extent(extent.reachable, false, extent.limit, extent.disclosure));
    }

    /**
     * Prepares a dump of limited length. It has the first lines that there is room for, whole ones, and ends where a
     * line has none; {@link DumpSummary#left()} then tells that objects are missing.
     *
     * @param bytes how many bytes the lines may have in all
     * @return a dump that ends there
     * @throws IllegalArgumentException if that is less than one
     */
    public final D atMost(long bytes) {
        return with(new Extent(extent.reachable, extent.guessing, DumpLimit.checked(bytes), extent.disclosure));
    }

    /**
     * Prepares a dump that tells less of what Strings and their like hold.
     *
     * @param told how much; {@link Disclosure#WHOLE} if nothing else is said
     * @return a dump that tells no more
     */
    public final D telling(Disclosure told) {
        return with(new Extent(extent.reachable, extent.guessing, extent.limit, told));
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
    public final DumpSummary write(DumpOutput out, LongConsumer progress) {
        PageBatches pages = new PageBatches(vm, progress);
        LineBatches batches = new LineBatches(pages, pages.threads(), out, extent.limit);
        ObjectReader reader = pages.reader();
        TextRules rules = extent.disclosure.rules(vm.target());
        DumpSummary head = batches.head(lines -> head(reader, rules, lines), DumpSummary.head(0, List.of()));
        if (batches.full()) {
            return batches.summary(List.of(head));
        }
        Allocations allocations = Allocations.find(reader);
        Reachability reached = extent.reachable ? Reachability.of(reader) : null;
        DataOwners owners = extent.guessing ? new DataOwners(vm) : null;
        Shared shared = new Shared(rules, allocations, reached, owners, extent.limit);
        List<DumpSummary> parts = new ArrayList<>();
        parts.add(head);
        pages.by((own, lines) -> writer(own, shared, lines));
        parts.addAll(batches.write());
        DumpSummary all = batches.summary(parts);
        return batches.full() && reached != null
                ? all.cut(all.objects(), all.bytes(), reached.count() - all.objects())
                : all;
    }
}
