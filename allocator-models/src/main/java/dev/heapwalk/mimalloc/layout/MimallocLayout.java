// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc.layout;

import java.util.List;
import java.util.Optional;

/**
 * Where a range of versions, in one way of building them, has the fields that differ.
 *
 * @param versions for people, such as {@code 2.1.0 to 2.1.2}
 * @param major the first number of the version
 * @param segment where segments have theirs; empty for versions that have none
 * @param page where pages have theirs
 * @param delayed where a heap has the blocks that other threads freed and its own has yet to put into their pages, in
 *     bytes; {@link PageLayout#NONE} for versions that have no such list
 * @param heapKeys where a heap has the keys that this list is encoded with
 * @param arena where a page has a pointer to its arena; {@link PageLayout#NONE} for versions that have segments
 * @param arenaStart where an arena has a pointer to its memory; {@link PageLayout#NONE} where it begins with itself
 * @param arenaSlices where an arena has the number of its slices; behind it how many of them are its own
 * @param arenaKind what {@code memid.memkind} of a page is that lies in an arena
 */
public record MimallocLayout(
        String versions,
        int major,
        Optional<SegmentLayout> segment,
        PageLayout page,
        int delayed,
        int heapKeys,
        int arena,
        int arenaStart,
        int arenaSlices,
        int arenaKind) {
    /** The size of a slice, which pages are made of, in bytes. */
    public static final long SLICE = 1 << 16;
    /** What segments are aligned to, in bytes. */
    public static final long SEGMENT = 32L << 20;
    /** In place of the size of a block that has as much as its page, where 32 bits are too few. */
    public static final long HUGE_BLOCK = 2L << 30;
    /** The low bits of a pointer that are flags: of {@code xthread_free} and {@code xthread_id}. */
    public static final long FLAGS = 7;
    /**
     * In place of a thread: the page is that of mimalloc's own structures, since 3.6. Blocks of the program may be left
     * in it from a thread that ended.
     */
    public static final long OWN_THREAD = 8;
    /** A slice: {@code slice_count}, in 32 bits. */
    public static final int SLICE_COUNT = 0;
    /** A slice: {@code slice_offset}, in 32 bits. */
    public static final int SLICE_OFFSET = 4;
    /** What a padded block ends with, in bytes: a check and how many bytes were not asked for, 32 bits each. */
    public static final int PADDING = 8;
    /** So many slices a word of the page map stands for, as a number of bits. */
    public static final int SUBMAP_BITS = 13;
    /**
     * How far entries may lie behind the beginning of the page map, in bytes: since 3.6 it describes itself first, with
     * a lock of the C library, which is larger on aarch64.
     */
    public static final List<Integer> MAP_HEADERS = List.of(0, 80, 88);
    /** The least and the most that the page map's entries can take, in bytes: for 46 and 49 bits of address. */
    public static final long LEAST_MAP = 1L << 20;

    /** See {@link #LEAST_MAP}. */
    public static final long MOST_MAP = 1L << 23;
    /** A page: {@code memid.memkind} and the numbers of slices lie behind the pointer to the arena, in bytes. */
    public static final int MEMID_KIND = 16;
    /** A page: so far behind the pointer to the arena {@code memid.mem.arena.slice_count} lies, in bytes. */
    public static final int MEMID_SLICES = 12;

    private static final int NONE = PageLayout.NONE;

    /** All layouts with segments. */
    public static final List<MimallocLayout> SEGMENTED = List.of(
            two("2.0.6 and 2.0.7", SegmentLayout.OLD, PageLayout.sliced(Start.OFFSET_128), 2840, NONE),
            two("2.0.7, secure", SegmentLayout.OLD, PageLayout.slicedSecureOld(false), 2840, 2872),
            two("2.0.7, for debugging", SegmentLayout.OLD, PageLayout.slicedSecureOld(true), 2848, 2880),
            two("2.0.9", SegmentLayout.MIDDLE, PageLayout.sliced(Start.OFFSET_384), 2840, NONE),
            two("2.0.9, secure", SegmentLayout.MIDDLE, PageLayout.slicedSecure(Start.OFFSET_384, false), 2840, 2872),
            two(
                    "2.0.9, for debugging",
                    SegmentLayout.MIDDLE,
                    PageLayout.slicedSecure(Start.OFFSET_384, true),
                    2848,
                    2880),
            two("2.1.0 to 2.1.2", SegmentLayout.MIDDLE, PageLayout.sliced(Start.BLOCKS), 2840, NONE),
            two(
                    "2.1.0 to 2.1.2, secure",
                    SegmentLayout.MIDDLE,
                    PageLayout.slicedSecure(Start.BLOCKS, true),
                    2848,
                    2880),
            two("2.1 of CPython", SegmentLayout.MIDDLE, PageLayout.cpython(), 2840, NONE),
            two("2.1.4 to 2.1.7", SegmentLayout.MIDDLE, PageLayout.pointed(false), 8, NONE),
            two("2.1.4 to 2.1.7, secure", SegmentLayout.MIDDLE, PageLayout.pointed(true), 8, 40),
            two("2.1.9 to 2.4", SegmentLayout.LATE, PageLayout.pointed(false), 8, NONE),
            two("2.1.9 to 2.4, secure", SegmentLayout.LATE, PageLayout.pointed(true), 8, 40));

    /** All layouts with a page map. */
    public static final List<MimallocLayout> MAPPED = List.of(
            three("3.0 and 3.1", PageLayout.mapped30(false), 96, NONE, 32, 7),
            three("3.0 and 3.1, secure", PageLayout.mapped30(true), 112, NONE, 32, 7),
            three("3.2 and 3.3", PageLayout.mapped32(Start.POINTER, false), 96, NONE, 40, 7),
            three("3.2 and 3.3, secure", PageLayout.mapped32(Start.POINTER, true), 112, NONE, 40, 7),
            three("3.4", PageLayout.mapped32(Start.WORDS, false), 88, NONE, 40, 7),
            three("3.4, secure", PageLayout.mapped32(Start.WORDS, true), 104, NONE, 40, 7),
            three("3.6", PageLayout.mapped36(), 104, 40, 48, 6));

    private static MimallocLayout two(
            String versions, SegmentLayout segment, PageLayout page, int delayed, int heapKeys) {
        return new MimallocLayout(versions, 2, Optional.of(segment), page, delayed, heapKeys, NONE, NONE, NONE, NONE);
    }

    private static MimallocLayout three(
            String versions, PageLayout page, int arena, int arenaStart, int arenaSlices, int arenaKind) {
        return new MimallocLayout(
                versions, 3, Optional.empty(), page, NONE, NONE, arena, arenaStart, arenaSlices, arenaKind);
    }
}
