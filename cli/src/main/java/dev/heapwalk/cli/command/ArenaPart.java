// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import java.util.List;

/**
 * One arena of a heap, or what lies in none.
 *
 * @param heap whose arena it is
 * @param index its number, -1 for the blocks that lie in no arena
 */
record ArenaPart(Heap heap, int index) {
    static final String MMAPPED = "mmapped";

    /** Whether a word may name an arena. */
    static boolean isName(String word) {
        return word.equals(MMAPPED) || word.matches("[0-9]{1,9}|0[xX][0-9a-fA-F]{1,16}");
    }

    /** Says what a name of an arena looks like. */
    static String refusal(String parameter, String word) {
        return parameter + " is an index such as 0, an address such as 0x7f0012345678, or the word mmapped, not '"
                + word + "'";
    }

    /**
     * Finds an arena, or what lies in none, of which each heap may have some.
     *
     * @param word its index, its address, or the word mmapped
     * @param heaps those that there are
     * @param command refuses what is not there
     * @return at least one
     */
    static List<ArenaPart> of(String word, Heaps heaps, AnyCommand command) {
        List<Heap> allocators = heaps.allocators().list();
        if (word.equals(MMAPPED)) {
            return allocators.stream().map(heap -> new ArenaPart(heap, -1)).toList();
        }
        return List.of(one(word, allocators, command));
    }

    private static ArenaPart one(String word, List<Heap> allocators, AnyCommand command) {
        if (word.startsWith("0x") || word.startsWith("0X")) {
            long address = Long.parseUnsignedLong(word.substring(2), 16);
            for (Heap heap : allocators) {
                int index = RegionTable.addresses(heap.regions()).indexOf(address);
                if (index >= 0) {
                    return new ArenaPart(heap, index);
                }
            }
            throw command.wrong("there is no arena at " + word + ": 'heapwalk arenas' lists those that there are");
        }
        int index = Integer.parseInt(word);
        int count = 0;
        for (Heap heap : allocators) {
            // Those of other C libraries are numbered on.
            if (heap == allocators.getFirst() || heap.firstRegion() == count) {
                count += RegionTable.count(heap.regions());
                if (index >= heap.firstRegion() && index < count) {
                    return new ArenaPart(heap, index - heap.firstRegion());
                }
            }
        }
        throw command.wrong("there is no arena " + index + ": "
                + (count == 0
                        ? "the target has none"
                        : "the target has " + (count == 1 ? "only 0" : "0 to " + (count - 1))
                                + "; 'heapwalk arenas' lists them"));
    }

    /** What the arena is called among those of all heaps. */
    int number() {
        return heap.firstRegion() + index;
    }

    /** Walks its blocks, or all of the heap where those are meant that lie in no arena. */
    BlockCursor blocks() {
        return index < 0 ? heap.blocks() : heap.blocks(index);
    }
}
