// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.musl.layout.MallocngLayout;

/** What {@link Meta#bits()} say of a group. */
final class Groups {
    private static final int UNIT = MallocngLayout.UNIT;
    private static final int MAP_UNIT = MallocngLayout.MAP_UNIT;
    /** Offsets of slots have 16 bits, in units. */
    private static final long MOST_BYTES = (1L << 16) * UNIT;
    /** {@code MMAP_THRESHOLD}: from this size on a block has a mapping to itself. */
    private static final long LEAST_MAPPED = 131052 + UNIT + MallocngLayout.HEADER;
    /** In {@link MallocngLayout#MAP_UNIT}. */
    private static final long LONGEST = 1L << 35;
    /** Gaps of modules are cut into slots of every fourth class. */
    private static final int DONATED_CLASSES = 4;

    private Groups() {}

    /** The bits of all slots of a group. */
    static int allSlots(int lastIdx) {
        return (2 << lastIdx) - 1;
    }

    static int lastIdx(long bits) {
        return (int) bits & 31;
    }

    private static boolean freeable(long bits) {
        return (bits >>> 5 & 1) != 0;
    }

    static int sizeClass(long bits) {
        return (int) (bits >>> 6) & 63;
    }

    private static long maplen(long bits) {
        return bits >>> 12;
    }

    /** Whether it has a mapping, from the mapping's beginning on. */
    static boolean isMapped(long bits) {
        return maplen(bits) != 0;
    }

    /** Whether it lies in a slot of another group. */
    static boolean isNested(long bits) {
        return maplen(bits) == 0 && freeable(bits);
    }

    /** Whether the dynamic linker found the memory in a gap of a module. */
    static boolean isDonated(long bits) {
        return !freeable(bits);
    }

    /** Whether it has one slot, with a mapping to itself. */
    static boolean isOwnMapping(long bits) {
        return lastIdx(bits) == 0 && maplen(bits) != 0;
    }

    /** {@code get_stride}. */
    static long stride(long bits) {
        return isOwnMapping(bits) ? maplen(bits) * MAP_UNIT - UNIT : SizeClasses.stride(sizeClass(bits));
    }

    /** Bytes of all slots. */
    static long slotBytes(long bits) {
        return (lastIdx(bits) + 1) * stride(bits);
    }

    /** Bytes of the group with all that belongs to it. */
    static long size(long bits) {
        return maplen(bits) != 0 ? maplen(bits) * MAP_UNIT : UNIT + slotBytes(bits);
    }

    /** Whether a group may be like this, in itself. As {@code alloc_group} and {@code donate} make them. */
    static boolean possible(long bits, long pageSize) {
        int sizeClass = sizeClass(bits);
        long maplen = maplen(bits);
        if (maplen > LONGEST) {
            return false;
        }
        if (sizeClass == MallocngLayout.MAPPED_CLASS) {
            return lastIdx(bits) == 0 && freeable(bits) && maplen * MAP_UNIT >= LEAST_MAPPED;
        }
        if (!SizeClasses.known(sizeClass)) {
            return false;
        }
        long needed = UNIT + (lastIdx(bits) + 1) * SizeClasses.stride(sizeClass);
        if (!freeable(bits)) {
            return maplen == 0 && lastIdx(bits) == 0 && sizeClass % DONATED_CLASSES == DONATED_CLASSES - 1;
        }
        int slots = lastIdx(bits) + 1;
        if (maplen == 0) {
            return needed <= pageSize / 2 && (SizeClasses.usual(sizeClass, slots) || slots == 2);
        }
        if (!SizeClasses.usual(sizeClass, slots) && slots != 1 && !SizeClasses.reduced(sizeClass, slots)) {
            return false;
        }
        long mapped = needed + pageSize - 1 & -pageSize;
        return needed - UNIT < MOST_BYTES
                // A mapping for a single slot may be smaller than a slot of the class, if less was asked for.
                && (lastIdx(bits) == 0 ? maplen * MAP_UNIT <= mapped : maplen * MAP_UNIT == mapped);
    }
}
