// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc.layout;

import java.util.Arrays;
import java.util.List;

/**
 * How glibc's malloc lays out its structures in a range of versions, for 64-bit little-endian targets (x86-64 and
 * aarch64 are the same). Offsets and sizes are bytes; -1 is an offset that the version does not have.
 *
 * <p>Read off {@code malloc/malloc.c} and {@code malloc/arena.c} of the glibc releases. Distributions carry patches of
 * later releases back, so a version alone does not name the layout: it is chosen by what memory shows.
 *
 * @param since first version, such as {@code 2.35}
 * @param until last version, such as {@code 2.41}
 * @param tested whether tests run against real processes of these versions
 * @param state {@code struct malloc_state}
 * @param par {@code struct malloc_par}
 * @param tcache {@code struct tcache_perthread_struct}
 * @param heapInfoSize size of {@code heap_info}: 32, or 48 since 2.35
 * @param safeLinking whether the links of fastbins and tcaches are mangled with their own address (since 2.32)
 * @param tailHeader whether an mmapped chunk leaves room for a header behind it, so that its mapping is 16 bytes longer
 *     than {@code prev_size + size} (since 2.43)
 * @param checking whether the bytes at the end of a block say how long it is, as {@code glibc.malloc.check} and
 *     {@code MALLOC_CHECK_} have it
 */
public record MallocLayout(
        String since,
        String until,
        boolean tested,
        State state,
        Par par,
        Tcache tcache,
        long heapInfoSize,
        boolean safeLinking,
        boolean tailHeader,
        boolean checking) {

    private MallocLayout(
            String since,
            String until,
            boolean tested,
            State state,
            Par par,
            Tcache tcache,
            long heapInfoSize,
            boolean safeLinking,
            boolean tailHeader) {
        this(since, until, tested, state, par, tcache, heapInfoSize, safeLinking, tailHeader, false);
    }

    /** Number of {@code bin_at} heads; bin 0 does not exist. */
    public static final int BINS = 127;
    /** Number of {@code fastbinsY} entries. */
    public static final int FASTBINS = 10;

    /**
     * {@code struct malloc_state}: {@code mutex} at 0 and {@code flags} at 4 in every version.
     *
     * @param fastbins {@code fastbinsY}, to 2.42
     * @param top {@code top}
     * @param bins {@code bins}
     * @param next {@code next}
     * @param nextFree {@code next_free}
     * @param attachedThreads {@code attached_threads}, since 2.23
     * @param systemMem {@code system_mem}
     * @param maxSystemMem {@code max_system_mem}
     * @param size size of the structure
     */
    public record State(
            long fastbins,
            long top,
            long bins,
            long next,
            long nextFree,
            long attachedThreads,
            long systemMem,
            long maxSystemMem,
            long size) {

        // A record's own methods are put together from method handles at each start.
        @Override
        public boolean equals(Object other) {
            return other instanceof State state && Arrays.equals(words(), state.words());
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(words());
        }

        private long[] words() {
            return new long[] {fastbins, top, bins, next, nextFree, attachedThreads, systemMem, maxSystemMem, size};
        }
    }

    /**
     * {@code struct malloc_par}: {@code trim_threshold}, {@code top_pad} and {@code mmap_threshold} at 0, 8 and 16 in
     * every version; {@code n_mmaps_max}, {@code max_n_mmaps} and {@code no_dyn_threshold} follow {@code n_mmaps}.
     *
     * @param nMmaps {@code n_mmaps}, 32 bits
     * @param mmappedMem {@code mmapped_mem}
     * @param maxMmappedMem {@code max_mmapped_mem}
     * @param sbrkBase {@code sbrk_base}
     * @param tcacheBins {@code tcache_bins}, since 2.42 {@code tcache_small_bins}; since 2.26
     * @param tcacheMaxBytes {@code tcache_max_bytes}
     * @param tcacheCount {@code tcache_count}
     * @param hugePageSize {@code hp_pagesize}, since 2.35
     * @param size size of the structure
     */
    public record Par(
            long nMmaps,
            long mmappedMem,
            long maxMmappedMem,
            long sbrkBase,
            long tcacheBins,
            long tcacheMaxBytes,
            long tcacheCount,
            long hugePageSize,
            long size) {

        // A record's own methods are put together from method handles at each start.
        @Override
        public boolean equals(Object other) {
            return other instanceof Par par && Arrays.equals(words(), par.words());
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(words());
        }

        private long[] words() {
            return new long[] {
                nMmaps, mmappedMem, maxMmappedMem, sbrkBase, tcacheBins, tcacheMaxBytes, tcacheCount, hugePageSize, size
            };
        }
    }

    /** What {@code tcache_entry.key} holds. */
    public enum Key {
        /** There is no key. */
        NONE,
        /** The address of the thread's {@code tcache_perthread_struct}. */
        STRUCT,
        /** A random number, the same for all threads. */
        RANDOM
    }

    /**
     * {@code struct tcache_perthread_struct}: the counts stand at 0.
     *
     * @param bins number of bins, 0 where there is no tcache
     * @param countWidth bytes of one count, 1 or 2
     * @param entries {@code entries}
     * @param size size of the structure
     * @param countsDown whether the counts say how many chunks still fit ({@code num_slots}, since 2.42)
     * @param key what marks a chunk in the cache
     */
    public record Tcache(int bins, int countWidth, long entries, long size, boolean countsDown, Key key) {

        // A record's own methods are put together from method handles at each start.
        @Override
        public boolean equals(Object other) {
            return other instanceof Tcache tcache && Arrays.equals(words(), tcache.words());
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(words());
        }

        private long[] words() {
            return new long[] {bins, countWidth, entries, size, countsDown ? 1 : 0, key.ordinal()};
        }

        /** The number of bins for one size each; the others are for ranges of sizes. */
        public static final int SMALL_BINS = 64;

        /**
         * The size of the chunk that holds the structure.
         *
         * @return bytes; it may be larger, up to {@link #largestChunkSize()}
         */
        public long chunkSize() {
            return size + 8 + 15 & ~15L;
        }

        /**
         * The largest chunk that malloc gives for the structure. 16 bytes that are too few for a chunk stay with it,
         * and since 2.42 {@code tcache_init} may round the size up before {@code _int_malloc} does so again.
         *
         * @return bytes
         */
        public long largestChunkSize() {
            return chunkSize() + (countsDown ? 32 : 16);
        }

        /**
         * The smallest chunk that belongs into a bin.
         *
         * @param bin index of the bin
         * @return bytes
         */
        public static long minSize(int bin) {
            return bin < SMALL_BINS ? 32 + 16L * bin : bin == SMALL_BINS ? 1056 : 1L << 10 + bin - SMALL_BINS;
        }

        /**
         * The largest chunk that belongs into a bin.
         *
         * @param bin index of the bin
         * @return bytes
         */
        public static long maxSize(int bin) {
            return bin < SMALL_BINS ? 32 + 16L * bin : (1L << 11 + bin - SMALL_BINS) - 16;
        }
    }

    private static final State STATE_2_12 = new State(8, 88, 104, 2152, -1, -1, 2160, 2168, 2176);
    private static final State STATE_PER_THREAD = new State(8, 88, 104, 2152, 2160, -1, 2168, 2176, 2184);
    private static final State STATE_2_23 = new State(8, 88, 104, 2152, 2160, 2168, 2176, 2184, 2192);
    private static final State STATE_2_27 = new State(16, 96, 112, 2160, 2168, 2176, 2184, 2192, 2200);
    private static final State STATE_2_43 = new State(-1, 8, 24, 2072, 2080, 2088, 2096, 2104, 2112);

    private static final Par PAR_2_12_PLAIN = new Par(24, 48, 56, 72, -1, -1, -1, -1, 80);
    private static final Par PAR_2_15_PLAIN = new Par(24, 40, 48, 64, -1, -1, -1, -1, 72);
    private static final Par PAR_2_12 = new Par(40, 64, 72, 88, -1, -1, -1, -1, 96);
    private static final Par PAR_2_15 = new Par(40, 56, 64, 80, -1, -1, -1, -1, 88);
    private static final Par PAR_2_24 = new Par(40, 56, 64, 72, -1, -1, -1, -1, 80);
    private static final Par PAR_2_26 = new Par(40, 56, 64, 72, 80, 88, 96, -1, 112);
    private static final Par PAR_2_35 = new Par(60, 80, 88, 96, 104, 112, 120, 48, 136);
    private static final Par PAR_2_43 = new Par(68, 88, 96, 104, 112, 120, 128, 56, 144);

    private static final Tcache NO_TCACHE = new Tcache(0, 1, 0, 0, false, Key.NONE);
    private static final Tcache TCACHE_2_26 = new Tcache(64, 1, 64, 576, false, Key.NONE);
    private static final Tcache TCACHE_2_29 = new Tcache(64, 1, 64, 576, false, Key.STRUCT);
    private static final Tcache TCACHE_2_30 = new Tcache(64, 2, 128, 640, false, Key.STRUCT);
    private static final Tcache TCACHE_2_34 = new Tcache(64, 2, 128, 640, false, Key.RANDOM);
    private static final Tcache TCACHE_2_42 = new Tcache(76, 2, 152, 760, true, Key.RANDOM);

    /** Every known layout, the oldest first. */
    public static final List<MallocLayout> ALL = List.of(
            new MallocLayout("2.12", "2.14", false, STATE_2_12, PAR_2_12_PLAIN, NO_TCACHE, 32, false, false),
            new MallocLayout("2.12", "2.14", false, STATE_PER_THREAD, PAR_2_12, NO_TCACHE, 32, false, false),
            new MallocLayout("2.15", "2.18", false, STATE_2_12, PAR_2_15_PLAIN, NO_TCACHE, 32, false, false),
            new MallocLayout("2.15", "2.22", false, STATE_PER_THREAD, PAR_2_15, NO_TCACHE, 32, false, false),
            new MallocLayout("2.23", "2.23", false, STATE_2_23, PAR_2_15, NO_TCACHE, 32, false, false),
            new MallocLayout("2.24", "2.25", false, STATE_2_23, PAR_2_24, NO_TCACHE, 32, false, false),
            new MallocLayout("2.26", "2.26", false, STATE_2_23, PAR_2_26, TCACHE_2_26, 32, false, false),
            new MallocLayout("2.27", "2.28", false, STATE_2_27, PAR_2_26, TCACHE_2_26, 32, false, false),
            new MallocLayout("2.29", "2.29", false, STATE_2_27, PAR_2_26, TCACHE_2_29, 32, false, false),
            new MallocLayout("2.30", "2.31", true, STATE_2_27, PAR_2_26, TCACHE_2_30, 32, false, false),
            new MallocLayout("2.32", "2.33", false, STATE_2_27, PAR_2_26, TCACHE_2_30, 32, true, false),
            new MallocLayout("2.34", "2.34", false, STATE_2_27, PAR_2_26, TCACHE_2_34, 32, true, false),
            new MallocLayout("2.35", "2.41", true, STATE_2_27, PAR_2_35, TCACHE_2_34, 48, true, false),
            new MallocLayout("2.42", "2.42", false, STATE_2_27, PAR_2_35, TCACHE_2_42, 48, true, false),
            new MallocLayout("2.43", "2.43", true, STATE_2_43, PAR_2_43, TCACHE_2_42, 48, true, true));

    /** The layouts of the copy of malloc in {@code libc_malloc_debug.so}, which there is since 2.34. */
    public static final List<MallocLayout> CHECKING = ALL.stream()
            .filter(layout -> minor(layout.since) >= 34)
            .map(layout -> layout.withoutThreadCaches().withChecking())
            .toList();

    /**
     * The same with or without Safe-Linking, for a libc that was patched.
     *
     * @param linking whether links are mangled
     * @return a layout
     */
    public MallocLayout withSafeLinking(boolean linking) {
        return new MallocLayout(since, until, tested, state, par, tcache, heapInfoSize, linking, tailHeader, checking);
    }

    /**
     * The same where blocks are checked.
     *
     * @return a layout
     */
    public MallocLayout withChecking() {
        return new MallocLayout(since, until, tested, state, par, tcache, heapInfoSize, safeLinking, tailHeader, true);
    }

    /**
     * Whether the C library itself can check blocks; since 2.34 {@code libc_malloc_debug.so} does.
     *
     * @return whether it can
     */
    public boolean mayCheck() {
        return minor(since) < 34;
    }

    private MallocLayout withoutThreadCaches() {
        Par less = new Par(
                par.nMmaps(),
                par.mmappedMem(),
                par.maxMmappedMem(),
                par.sbrkBase(),
                -1,
                -1,
                -1,
                par.hugePageSize(),
                par.tcacheBins());
        return new MallocLayout(
                since, until, tested, state, less, NO_TCACHE, heapInfoSize, safeLinking, tailHeader, checking);
    }

    /**
     * Whether a version lies in the range.
     *
     * @param version such as {@code 2.36}
     * @return whether this layout is that version's; for a version later than all known ones, whether it is the last
     */
    public boolean covers(String version) {
        int minor = minor(version);
        return minor(since) <= minor && (minor <= minor(until) || this == ALL.getLast());
    }

    private static int minor(String version) {
        int dot = version.indexOf('.');
        int end = dot + 1;
        while (end < version.length() && Character.isDigit(version.charAt(end))) {
            end++;
        }
        return dot < 0 || end == dot + 1 ? -1 : Integer.parseInt(version.substring(dot + 1, Math.min(end, dot + 5)));
    }

    /**
     * The versions for messages.
     *
     * @return for example {@code glibc 2.35 to 2.41}
     */
    public String versions() {
        return "glibc " + (since.equals(until) ? since : since + " to " + until);
    }

    /**
     * Takes apart a link of a fastbin or a tcache.
     *
     * @param field target address of the link
     * @param stored the word there
     * @return the address that it stands for
     */
    public long reveal(long field, long stored) {
        return safeLinking ? field >>> 12 ^ stored : stored;
    }

    /**
     * Whether a thread has the structure of a cache also where {@code tcache_count} is 0, so that it holds nothing.
     * 2.43 tests this first in {@code tcache_init}.
     *
     * @return whether it has
     */
    public boolean tcacheWithoutSlots() {
        return tcache.bins() > 0 && !tailHeader;
    }

    /**
     * How many bytes of an mmapped chunk's mapping are neither in front of it nor counted in its size.
     *
     * @return 16 since 2.43, else 0
     */
    public long mmapTail() {
        return tailHeader ? 16 : 0;
    }
}
