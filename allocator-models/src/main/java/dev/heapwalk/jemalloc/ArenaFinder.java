// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.allocator.NonzeroWords;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Finds the structures of arenas among a module's variables. C name {@code arenas}: an array of pointers, by the
 * numbers of the arenas, into the memory that jemalloc has for itself; each structure begins with two small numbers, of
 * the threads that are bound to the arena for the program and for jemalloc.
 */
final class ArenaFinder {
    /** More threads are bound to no arena. */
    private static final int MOST_THREADS = 1 << 20;
    /** How many the array has room for, in C {@code MALLOCX_ARENA_LIMIT}: a number of an arena has 12 bits. */
    private static final long MOST_ARENAS = 4095;
    /** The array and the structures begin at lines of the processor's cache. */
    private static final long ALIGNMENT = 64;

    private final NonzeroWords words;
    private final Reader reader;
    private final List<BaseBlocks.Block> bases;

    private SortedMap<Integer, Long> run = new TreeMap<>();
    private SortedMap<Integer, Long> best = new TreeMap<>();
    private long first;

    ArenaFinder(NonzeroWords words, Reader reader, List<BaseBlocks.Block> bases) {
        this.words = words;
        this.reader = reader;
        this.bases = bases;
    }

    /**
     * Looks for the array: it begins at a line of the processor's cache with the first arena, which is always there, and
     * has nothing but such pointers, each once, in its whole length.
     *
     * @param variables of the module
     * @return target addresses of the structures, by the numbers of the arenas; none if there is no array
     */
    SortedMap<Integer, Long> find(List<Range> variables) {
        for (Range range : variables) {
            words.each(range.start(), range.end(), (at, word) -> {
                long number = (at - first) / Long.BYTES;
                boolean arena = isArena(word);
                if (!arena || number >= MOST_ARENAS || run.containsValue(word)) {
                    end(at);
                }
                if (arena && (!run.isEmpty() || at % ALIGNMENT == 0)) {
                    if (run.isEmpty()) {
                        first = at;
                    }
                    run.put((int) ((at - first) / Long.BYTES), word);
                }
                return true;
            });
            end(range.end());
        }
        return best;
    }

    /** What was found ends before something else. */
    private void end(long at) {
        if ((at - first) / Long.BYTES >= MOST_ARENAS && run.size() > best.size()) {
            best = run;
        }
        run = new TreeMap<>();
    }

    private boolean isArena(long address) {
        if (address <= 0 || address % ALIGNMENT != 0) {
            return false;
        }
        for (BaseBlocks.Block base : bases) {
            if (address > base.address() && address - base.address() < base.size()) {
                return isCount(address) && isCount(address + Integer.BYTES);
            }
        }
        return false;
    }

    private boolean isCount(long address) {
        int count = reader.readInt(address, -1);
        return count >= 0 && count < MOST_THREADS;
    }
}
