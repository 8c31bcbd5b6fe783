// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl.layout;

/**
 * Where mallocng has its fields on 64-bit machines, by {@code src/malloc/mallocng/meta.h} and {@code glue.h}, which have
 * it alike from musl 1.2.1 to 1.2.6. Also where the size of a page is no constant, as on aarch64, musl has it elsewhere,
 * and {@code malloc_context} has no {@code pagesize}.
 */
public final class MallocngLayout {
    /** {@code UNIT}: sizes of slots are multiples of it, and so are the places of blocks in slots. */
    public static final int UNIT = 16;
    /** {@code IB}: how many bytes of a slot are a block's header, before it. */
    public static final int HEADER = 4;
    /** What a {@code meta_area} has, whatever a page has. */
    public static final int AREA_SIZE = 4096;
    /** {@code meta.maplen} counts in it, whatever a page has. */
    public static final int MAP_UNIT = 4096;

    /** {@code malloc_context.secret}. */
    public static final long SECRET = 0;
    /** {@code malloc_context.init_done}. */
    public static final long INIT_DONE = 8;
    /**
     * {@code malloc_context.meta_area_head}, behind two counters of 32 bits, two lists of metas, two counts and a shift.
     */
    public static final long AREA_HEAD = 56;
    /** {@code malloc_context.meta_area_tail}. */
    public static final long AREA_TAIL = AREA_HEAD + 8;
    /** {@code malloc_context.active}: a pointer for each size class. */
    public static final long ACTIVE = 80;

    /** {@code meta_area.check}. */
    public static final long CHECK = 0;
    /** {@code meta_area.next}. */
    public static final long AREA_NEXT = 8;
    /** {@code meta_area.nslots}. */
    public static final long NSLOTS = 16;
    /** {@code meta_area.slots}. */
    public static final long SLOTS = 24;

    /** {@code meta.prev}. */
    public static final long PREV = 0;
    /** {@code meta.next}. */
    public static final long NEXT = 8;
    /** {@code meta.mem}. */
    public static final long MEM = 16;
    /** {@code meta.avail_mask}. */
    public static final long AVAIL_MASK = 24;
    /** {@code meta.freed_mask}. */
    public static final long FREED_MASK = 28;
    /** {@code meta.last_idx}, 5 bits, {@code freeable}, 1, {@code sizeclass}, 6, {@code maplen}. */
    public static final long BITS = 32;
    /** The size of {@code struct meta} in bytes. */
    public static final int META_SIZE = 40;
    /** How many of them an area has. */
    public static final int METAS = (AREA_SIZE - (int) SLOTS) / META_SIZE;

    /** {@code group.meta}. */
    public static final long GROUP_META = 0;
    /** {@code group.active_idx}, 5 bits. */
    public static final long ACTIVE_IDX = 8;
    /** {@code group.storage}: the first slot. */
    public static final long STORAGE = UNIT;

    /** How many size classes there are. */
    public static final int CLASSES = 48;
    /** {@code meta.sizeclass} of a block that has a mapping to itself. */
    public static final int MAPPED_CLASS = 63;

    /** {@code malloc_context.usage_by_class}: a count of slots for each size class. */
    public static final long USAGE_BY_CLASS = ACTIVE + 8 * CLASSES;
    /** How much of {@code malloc_context} is looked at, in bytes. */
    public static final long CONTEXT_SIZE = USAGE_BY_CLASS + 8 * CLASSES;

    private MallocngLayout() {}
}
