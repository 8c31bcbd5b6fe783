// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import dev.heapwalk.heap.Damage;
import java.util.List;

/** What the parts of an allocator's arenas add up to, by size class and by kind. Immutable. */
public final class PymallocTotals {
    private final Pymalloc allocator;
    private final long[] pools;
    private final long[] used;
    private final long[] available;
    private final long[] bytes = new long[PymallocPart.values().length];
    private final long[] byArena;
    private final List<Damage> damages;

    private PymallocTotals(Pymalloc allocator) {
        this.allocator = allocator;
        int classes = allocator.sizeClasses();
        pools = new long[classes];
        used = new long[classes];
        available = new long[classes];
        byArena = new long[allocator.arenas().size()];
        try (PymallocCursor part = allocator.parts()) {
            while (part.next()) {
                bytes[part.part().ordinal()] += part.size();
                switch (part.part()) {
                    case USED_BLOCK -> {
                        used[part.sizeClass()]++;
                        byArena[part.arena()] += part.size();
                    }
                    case FREE_BLOCK, UNTOUCHED_BLOCK -> available[part.sizeClass()]++;
                    case POOL_HEADER -> pools[part.sizeClass()]++;
                    default -> {}
                }
            }
            damages = List.copyOf(part.damages());
        }
    }

    /**
     * Walks all arenas and counts.
     *
     * @param allocator what to count
     * @return the totals
     */
    public static PymallocTotals of(Pymalloc allocator) {
        return new PymallocTotals(allocator);
    }

    /**
     * How many pools are in use for blocks of a size.
     *
     * @param sizeClass {@code szidx}
     * @return a count
     */
    public long pools(int sizeClass) {
        return pools[sizeClass];
    }

    /**
     * How many blocks of a size are handed out.
     *
     * @param sizeClass {@code szidx}
     * @return a count
     */
    public long used(int sizeClass) {
        return used[sizeClass];
    }

    /**
     * How many blocks of a size can be handed out by the pools that are in use for it.
     *
     * @param sizeClass {@code szidx}
     * @return a count
     */
    public long available(int sizeClass) {
        return available[sizeClass];
    }

    /**
     * How many blocks of any size are handed out.
     *
     * @return a count
     */
    public long used() {
        long sum = 0;
        for (long count : used) {
            sum += count;
        }
        return sum;
    }

    /**
     * How many bytes the blocks have that are handed out in one arena.
     *
     * @param arena an index into {@link Pymalloc#arenas()}
     * @return bytes
     */
    public long usedBytes(int arena) {
        return byArena[arena];
    }

    /**
     * How many pools there would be if each were full but for one of each size of blocks.
     *
     * @return a count
     */
    public long neededPools() {
        long needed = 0;
        for (int i = 0; i < used.length; i++) {
            long room = pools[i] == 0 ? 0 : (used[i] + available[i]) / pools[i];
            needed += room == 0 ? 0 : Math.ceilDiv(used[i], room);
        }
        return needed;
    }

    /**
     * How many arenas there would be if these pools lay together. The others could be given back.
     *
     * @return a count, not larger than that of the arenas
     */
    public long neededArenas() {
        long most = 1;
        for (Arena arena : allocator.arenas()) {
            most = Math.max(most, arena.totalPools());
        }
        return Math.min(allocator.arenas().size(), Math.ceilDiv(neededPools(), most));
    }

    /**
     * How many pools hold no block, so that they can be used for any size.
     *
     * @return a count
     */
    public long freePools() {
        return (bytes(PymallocPart.FREE_POOL) + bytes(PymallocPart.UNCARVED)) / allocator.poolSize();
    }

    /**
     * How much of the arenas is of a kind.
     *
     * @param part the kind
     * @return bytes
     */
    public long bytes(PymallocPart part) {
        return bytes[part.ordinal()];
    }

    /**
     * Where pools contradict themselves or could not be read.
     *
     * @return an unmodifiable list
     */
    public List<Damage> damages() {
        return damages;
    }
}
