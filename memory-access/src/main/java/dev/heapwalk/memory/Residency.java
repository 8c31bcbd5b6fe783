// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import java.util.Arrays;

/**
 * Which pages of a process were in memory or swapped out when the kernel was asked, and what it told of each. Pages
 * that are neither are in no run. Immutable, for any thread.
 *
 * <p>What is counted as resident here is what the kernel counts: the sum over all runs is {@code Rss} of {@code
 * smaps_rollup}, but for {@linkplain #HUGETLB pages of hugetlbfs}, which the kernel counts apart.
 */
public final class Residency {
    /** The page is in memory. */
    public static final int PRESENT = 1;
    /** It is swapped out, or on its way from one place in memory to another. */
    public static final int SWAPPED = 1 << 1;
    /** It is of a file or of shared memory; without this, it is the process's own ({@code RssAnon}). */
    public static final int FILE = 1 << 2;
    /** No other process has it mapped: this one alone keeps it in memory. Told of pages that are present. */
    public static final int EXCLUSIVE = 1 << 3;
    /** It is the page of zeros that all processes share: it was read, but never written. It counts for nothing. */
    public static final int ZERO = 1 << 4;
    /** It is part of a huge page. */
    public static final int HUGE = 1 << 5;
    /** It is of hugetlbfs, or of huge pages that were reserved: the kernel does not count it among what is resident. */
    public static final int HUGETLB = 1 << 6;

    private final int pageSize;
    private final Ranges runs;
    private final byte[] kinds;
    private final Ranges locked;
    private final Ranges hugetlb;

    /** Is told of runs. */
    @FunctionalInterface
    public interface Sink {
        /**
         * A run of pages of one kind.
         *
         * @param start target address of its first byte
         * @param end target address behind its last byte
         * @param kind some of the constants of {@link Residency}
         */
        void run(long start, long end, int kind);
    }

    /** Takes runs, in ascending order, as they are found. */
    public static final class Builder {
        private final int pageSize;
        private long[] starts = new long[64];
        private long[] ends = new long[64];
        private byte[] kinds = new byte[64];
        private int count;

        /**
         * Begins.
         *
         * @param pageSize the size of a page in bytes
         */
        public Builder(int pageSize) {
            this.pageSize = pageSize;
        }

        /**
         * Adds a run behind all others, or to the last one.
         *
         * @param start target address of a page
         * @param end target address behind the last page
         * @param kind some of the constants of {@link Residency}
         * @throws IllegalArgumentException if it does not lie behind the one before it
         */
        public void add(long start, long end, int kind) {
            if (end <= start || count > 0 && start < ends[count - 1]) {
                throw new IllegalArgumentException("a run from 0x%x to 0x%x out of order".formatted(start, end));
            }
            if (count > 0 && ends[count - 1] == start && kinds[count - 1] == kind) {
                ends[count - 1] = end;
                return;
            }
            if (count == starts.length) {
                starts = Arrays.copyOf(starts, 2 * count);
                ends = Arrays.copyOf(ends, 2 * count);
                kinds = Arrays.copyOf(kinds, 2 * count);
            }
            starts[count] = start;
            ends[count] = end;
            kinds[count++] = (byte) kind;
        }

        /**
         * Ends.
         *
         * @param locked the mappings that are locked in memory
         * @param hugetlb the mappings of hugetlbfs, whose pages are marked so
         * @return what was added
         */
        public Residency build(Ranges locked, Ranges hugetlb) {
            if (hugetlb.count() == 0) {
                return new Residency(this, locked, hugetlb);
            }
            Builder marked = new Builder(pageSize);
            for (int i = 0; i < count; i++) {
                marked.add(starts[i], ends[i], kinds[i], hugetlb);
            }
            return new Residency(marked, locked, hugetlb);
        }

        private void add(long start, long end, int kind, Ranges hugetlb) {
            long at = start;
            while (at < end) {
                int next = hugetlb.behind(at);
                boolean within = next < hugetlb.count() && hugetlb.start(next) <= at;
                long border = next == hugetlb.count() ? end : within ? hugetlb.end(next) : hugetlb.start(next);
                long to = Math.min(end, border);
                add(at, to, within ? kind | HUGETLB : kind);
                at = to;
            }
        }
    }

    private Residency(Builder of, Ranges locked, Ranges hugetlb) {
        this.pageSize = of.pageSize;
        this.runs = Ranges.exactly(Arrays.copyOf(of.starts, of.count), Arrays.copyOf(of.ends, of.count));
        this.kinds = Arrays.copyOf(of.kinds, of.count);
        this.locked = locked;
        this.hugetlb = hugetlb;
    }

    /**
     * The size of a page.
     *
     * @return bytes
     */
    public int pageSize() {
        return pageSize;
    }

    /**
     * The mappings that are locked in memory ({@code mlock}), which {@code madvise} gives nothing back of.
     *
     * @return target addresses
     */
    public Ranges locked() {
        return locked;
    }

    /**
     * The mappings of {@linkplain #HUGETLB hugetlbfs}, of which {@code madvise} gives back whole huge pages alone.
     *
     * @return target addresses
     */
    public Ranges hugetlb() {
        return hugetlb;
    }

    /** Nothing in memory: for a target of which that is not known. */
    public static final Residency NONE = new Builder(4096).build(Ranges.NONE, Ranges.NONE);

    /**
     * How many runs there are.
     *
     * @return a count
     */
    public int count() {
        return runs.count();
    }

    /**
     * Where a run begins.
     *
     * @param index from 0 to {@link #count()}
     * @return target address of its first byte
     */
    public long start(int index) {
        return runs.start(index);
    }

    /**
     * Where a run ends.
     *
     * @param index from 0 to {@link #count()}
     * @return target address behind its last byte
     */
    public long end(int index) {
        return runs.end(index);
    }

    /**
     * What a run is.
     *
     * @param index from 0 to {@link #count()}
     * @return some of the constants
     */
    public int kind(int index) {
        return kinds[index];
    }

    /**
     * The first run that ends behind an address.
     *
     * @param address a target address, not negative
     * @return its index, {@link #count()} if there is none
     */
    public int at(long address) {
        return runs.behind(address);
    }

    /**
     * Tells the runs within a range, in ascending order.
     *
     * @param start a target address, not negative; a run that begins before it is told from there
     * @param end where the range ends; a run that goes on is told up to there
     * @param sink is told
     */
    public void within(long start, long end, Sink sink) {
        for (int i = at(start); i < runs.count() && runs.start(i) < end; i++) {
            sink.run(Math.max(start, runs.start(i)), Math.min(end, runs.end(i)), kinds[i]);
        }
    }

    /**
     * How much there is of some kinds within a range.
     *
     * @param start a target address, not negative
     * @param end where the range ends
     * @param with what a page must be
     * @param without what it must not be
     * @return bytes
     */
    public long bytes(long start, long end, int with, int without) {
        long bytes = 0;
        for (int i = at(start); i < runs.count() && runs.start(i) < end; i++) {
            if ((kinds[i] & with) == with && (kinds[i] & without) == 0) {
                bytes += Math.min(end, runs.end(i)) - Math.max(start, runs.start(i));
            }
        }
        return bytes;
    }

    @Override
    public String toString() {
        return "%,d bytes in memory, %,d swapped out"
                .formatted(bytes(0, Long.MAX_VALUE, PRESENT, ZERO | HUGETLB), bytes(0, Long.MAX_VALUE, SWAPPED, 0));
    }
}
