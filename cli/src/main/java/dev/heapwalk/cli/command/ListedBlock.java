// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Categories;
import dev.heapwalk.cli.output.Order;
import dev.heapwalk.heap.BlockView;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/** A row of a {@link Listing}. */
final class ListedBlock {
    private static final byte[] NOTHING = {};

    /** Which of the heaps of the listing. */
    int heap;

    long address;
    long size;
    /** The index of the heap's own name for its state. */
    int name;

    int region;
    boolean ownMapping;
    /** The number of its category, -1 for none. */
    int category;

    /** How many bytes of it the program may use; known only where contents are told. */
    long usable;
    /** Its first bytes. */
    byte[] content = NOTHING;

    void set(int itsHeap, BlockView block, boolean inRegions, int itsCategory) {
        heap = itsHeap;
        address = block.address();
        size = block.size();
        name = block.nameIndex();
        region = inRegions ? block.region() : -1;
        ownMapping = block.ownMapping();
        category = itsCategory;
    }

    /**
     * An order of rows; rows that are alike come by address.
     *
     * @param order the field, one of {@link Listing#COLUMNS}
     * @param heaps what the heaps call the states of blocks
     * @param categories what the numbers of categories stand for
     */
    static Comparator<ListedBlock> by(Order order, List<List<String>> heaps, Categories categories) {
        Comparator<ListedBlock> by = switch (order.field()) {
            case "address", "start" -> (one, other) -> Long.compareUnsigned(one.address, other.address);
            case "end" -> (one, other) -> Long.compareUnsigned(one.address + one.usable, other.address + other.usable);
            case "size" -> number(block -> block.size);
            case "state" -> text(block -> heaps.get(block.heap).get(block.name));
            case "mmapped" -> number(block -> block.ownMapping ? 1 : 0);
            case "arena" -> number(block -> block.region);
            case "domain" ->
                text(block -> block.category < 0
                        ? ""
                        : categories.get(block.category).domain().label());
            case "kind" ->
                text(block ->
                        block.category < 0 ? "" : categories.get(block.category).kind());
            case "detail" ->
                text(block ->
                        block.category < 0 ? "" : categories.get(block.category).detail());
            default -> throw new IllegalArgumentException(order.field());
        };
        return (order.descending() ? by.reversed() : by)
                .thenComparing((one, other) -> Long.compareUnsigned(one.address, other.address));
    }

    private static Comparator<ListedBlock> number(ToLongFunction<ListedBlock> key) {
        return Comparator.comparingLong(key);
    }

    private static Comparator<ListedBlock> text(Function<ListedBlock, String> key) {
        return Comparator.comparing(key);
    }
}
