// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.layout.PymallocLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Finds the arenas of an allocator by its array of arenas. An arena is believed if one of its first pools tells that it
 * is the one of that number, and has blocks as pools of its size have them.
 */
final class ArenaFinder {
    private static final int MOST = 1 << 22;
    /** So many pools of an arena are asked for its number at most. */
    private static final int ASKED = 4;

    private final Reader memory;
    private final PymallocLayout layout;
    /** The sizes of the target; null until an arena was found. */
    private PymallocLayout.Sizes sizes;

    ArenaFinder(Reader memory, PymallocLayout layout) {
        this.memory = memory;
        this.layout = layout;
    }

    /** What the build was made with, as the first arena that was found tells; else what is usual for the version. */
    PymallocLayout.Sizes sizes() {
        return sizes == null ? layout.sizes().getFirst() : sizes;
    }

    /** The array that a word of the allocator's variables points to; 0 if it points to none with an arena in it. */
    long array(long word) {
        long least = (long) PymallocLayout.FIRST_ARENAS * PymallocLayout.ARENA_BYTES;
        if ((word & 7) != 0 || !memory.memory().mappings().writable(word, least)) {
            return 0;
        }
        for (int i = 0; i < PymallocLayout.FIRST_ARENAS; i++) {
            long element = element(word, i);
            if (memory.readLong(element + PymallocLayout.ARENA_ADDRESS, 0) != 0) {
                // One that is just made or given back tells no number; the next one may.
                int number = number(element);
                if (number >= 0) {
                    return element(element, -number);
                }
            }
        }
        return 0;
    }

    private static long element(long array, int index) {
        return array + (long) index * PymallocLayout.ARENA_BYTES;
    }

    /** The number of the arena that an element describes, as its first pool tells; -1 if it describes none. */
    private int number(long element) {
        if (sizes != null) {
            return number(element, sizes);
        }
        for (PymallocLayout.Sizes some : layout.sizes()) {
            int number = number(element, some);
            if (number >= 0) {
                sizes = some;
                return number;
            }
        }
        return -1;
    }

    private int number(long element, PymallocLayout.Sizes some) {
        long address = memory.readLong(element + PymallocLayout.ARENA_ADDRESS, 0);
        long carved = memory.readLong(element + PymallocLayout.ARENA_POOL_ADDRESS, 0);
        int total = memory.readInt(element + PymallocLayout.ARENA_TOTAL_POOLS, 0);
        int free = memory.readInt(element + PymallocLayout.ARENA_FREE_POOLS, -1);
        if (address <= 0 || (address & PymallocLayout.ARENA_ALIGNMENT - 1) != 0) {
            return -1;
        }
        long first = firstPool(address, some);
        int room = (int) ((address + some.arena() - first) / some.pool());
        boolean whole = total == room
                && free >= 0
                && free <= total
                && carved > first
                && carved <= first + (long) total * some.pool()
                && (carved & some.pool() - 1) == 0;
        if (!whole || !memory.memory().mappings().writable(address, some.arena())) {
            return -1;
        }
        // Should one pool be damaged, the next ones know it as well.
        long end = Math.min(carved, first + (long) ASKED * some.pool());
        for (long pool = first; pool < end; pool += some.pool()) {
            int number = memory.readInt(pool + PymallocLayout.POOL_ARENA_INDEX, -1);
            if (number >= 0 && number < MOST && isPool(pool, some)) {
                return number;
            }
        }
        return -1;
    }

    /** Whether a pool that is or was in use begins at an address. */
    private boolean isPool(long pool, PymallocLayout.Sizes some) {
        int szidx = memory.readInt(pool + PymallocLayout.POOL_SIZE_INDEX, -1);
        int block = (szidx + 1) * some.alignment();
        return szidx >= 0
                && block <= PymallocLayout.LARGEST_BLOCK
                && memory.readInt(pool + PymallocLayout.POOL_MAX_NEXT_OFFSET, 0) == some.pool() - block
                && (memory.readInt(pool + PymallocLayout.POOL_NEXT_OFFSET, 0) - PymallocLayout.POOL_BYTES) % block == 0;
    }

    private static long firstPool(long address, PymallocLayout.Sizes some) {
        return address + some.pool() - 1 & -(long) some.pool();
    }

    /**
     * The arenas of an array.
     *
     * @param array what {@link #array} told
     * @param said how many elements the allocator says that the array has, or -1 where it is not known
     */
    List<Arena> arenas(long array, long said) {
        List<Arena> arenas = new ArrayList<>();
        int all = (int) Math.min(said, MOST);
        int taken = 0;
        // The array grows to twice its size, so none of a half that has no arena is left out.
        for (int room = PymallocLayout.FIRST_ARENAS; all < 0 ? room <= MOST : taken < all; room *= 2) {
            int before = arenas.size();
            int end = all < 0 ? room : Math.min(all, room);
            for (; taken < end; taken++) {
                take(array, taken, arenas);
            }
            if (all < 0 && arenas.size() == before) {
                break;
            }
        }
        return arenas;
    }

    private void take(long array, int index, List<Arena> arenas) {
        long element = element(array, index);
        long address = memory.readLong(element + PymallocLayout.ARENA_ADDRESS, 0);
        if (address == 0 || number(element) != index) {
            return;
        }
        long first = firstPool(address, sizes);
        int total = memory.readInt(element + PymallocLayout.ARENA_TOTAL_POOLS, 0);
        arenas.add(new Arena(
                address,
                index,
                first,
                Math.clamp(
                        memory.readLong(element + PymallocLayout.ARENA_POOL_ADDRESS, 0) & -(long) sizes.pool(),
                        first,
                        first + (long) total * sizes.pool()),
                total,
                memory.readInt(element + PymallocLayout.ARENA_FREE_POOLS, 0)));
    }
}
