// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Ranges;
import dev.heapwalk.python.layout.PymallocLayout;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * CPython's allocator for blocks of up to 512 bytes, as it was when it was located: arenas, which are divided into
 * pools, each with blocks of one size. All interpreters share one; since 3.12 an interpreter may have its own.
 *
 * <p>Any thread may use it; a cursor belongs to one.
 */
public final class Pymalloc {
    private static final long FINDER_BUDGET = 4L << 20;

    private final AddressSpace memory;
    private final long interpreter;
    private final PymallocLayout.Sizes sizes;
    private final List<Arena> arenas;
    private final long[] starts;
    /** How many allocators this is, when it is several as one. */
    private final int count;

    Pymalloc(AddressSpace memory, long interpreter, PymallocLayout.Sizes sizes, List<Arena> arenas) {
        this(memory, interpreter, sizes, arenas, 1);
    }

    private Pymalloc(AddressSpace memory, long interpreter, PymallocLayout.Sizes sizes, List<Arena> arenas, int count) {
        this.count = count;
        this.memory = memory;
        this.interpreter = interpreter;
        this.sizes = sizes;
        this.arenas =
                arenas.stream().sorted(Comparator.comparingLong(Arena::address)).toList();
        this.starts = this.arenas.stream().mapToLong(Arena::address).toArray();
    }

    /**
     * The interpreter whose allocator it is.
     *
     * @return {@link PythonInterpreter#address()}; that of the main one for the allocator that all share
     */
    public long interpreter() {
        return interpreter;
    }

    /**
     * The arenas.
     *
     * @return an unmodifiable list, by address
     */
    public List<Arena> arenas() {
        return arenas;
    }

    /**
     * The size of an arena.
     *
     * @return bytes
     */
    public int arenaSize() {
        return sizes.arena();
    }

    /**
     * The size of a pool.
     *
     * @return bytes; pools begin at multiples of it
     */
    public int poolSize() {
        return sizes.pool();
    }

    /**
     * What the sizes of blocks are multiples of.
     *
     * @return bytes
     */
    public int alignment() {
        return sizes.alignment();
    }

    /**
     * How many sizes of blocks there are.
     *
     * @return a count
     */
    public int sizeClasses() {
        return PymallocLayout.LARGEST_BLOCK / sizes.alignment();
    }

    /**
     * The size of the blocks of a size class.
     *
     * @param sizeClass {@code szidx}, from 0 to {@link #sizeClasses()}
     * @return bytes
     */
    public int blockSize(int sizeClass) {
        return (sizeClass + 1) * sizes.alignment();
    }

    /** The arenas of several allocators, which all have the same sizes, as one. */
    static Pymalloc all(AddressSpace memory, List<Pymalloc> some) {
        if (some.isEmpty()) {
            return new Pymalloc(memory, 0, PymallocLayout.Sizes.NONE, List.of(), 0);
        }
        Pymalloc first = some.getFirst();
        return new Pymalloc(
                memory,
                first.interpreter,
                first.sizes,
                some.stream().flatMap(one -> one.arenas.stream()).toList(),
                some.size());
    }

    /** How many pools can be half changed at a time: one thread is in an allocator at most, and changes one pool. */
    int mostInFlux() {
        return count;
    }

    /**
     * The arena that an address lies in.
     *
     * @param address any target address
     * @return its index in {@link #arenas()}, -1 if it lies in none
     */
    public int arenaAt(long address) {
        int index = Arrays.binarySearch(starts, address);
        if (index < 0) {
            index = -index - 2;
        }
        return index >= 0 && address < starts[index] + sizes.arena() ? index : -1;
    }

    /** Finds parts by addresses. */
    PymallocCursor finder() {
        return new PymallocCursor(this, memory.cache(FINDER_BUDGET));
    }

    /**
     * Walks all arenas.
     *
     * @return a new cursor before the first part, for one thread; to be closed
     */
    public PymallocCursor parts() {
        long[] ends = arenas.stream()
                .mapToLong(arena -> arena.address() + sizes.arena())
                .toArray();
        return new PymallocCursor(this, memory.window(Ranges.of(starts, ends)));
    }

    @Override
    public String toString() {
        return "%d arenas of %d KiB, pools of %d KiB".formatted(arenas.size(), sizes.arena() >> 10, sizes.pool() >> 10);
    }
}
