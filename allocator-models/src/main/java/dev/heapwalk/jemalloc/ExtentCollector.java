// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.allocator.AnonymousMemory;
import dev.heapwalk.heap.DamageList;
import dev.heapwalk.jemalloc.layout.JemallocLayout;
import dev.heapwalk.jemalloc.layout.TreeShape;
import dev.heapwalk.memory.Reader;
import java.util.Arrays;
import java.util.List;

/**
 * Reads the extent of each leaf entry. An extent is taken if it begins at the page whose entry names it first; a slab
 * is named by each of its pages, others by their first and last one.
 */
final class ExtentCollector implements PageTree.Entries {
    /** More than an address space has. */
    private static final long MOST_BYTES = 1L << 56;

    private static final int COLUMNS = 6;
    private static final int START = 0;
    private static final int SIZE = 1;
    private static final int BITS = 2;
    private static final int EDATA = 3;
    private static final int WORD = 4;
    private static final int MORE = 5;
    private static final int FIRST_LENGTH = 1 << 12;
    /** In place of an offset, for an extent that the tree contradicts. */
    private static final char DAMAGED = Character.MAX_VALUE;

    private final Reader reader;
    private final TreeShape shape;
    private final AnonymousMemory anonymous;
    private final DamageList damages;
    /** Whether what does not fit is damage, and no change that is under way. */
    private final boolean settled;

    private final Edata extent;
    private final long page;
    private long[] rows = new long[COLUMNS * FIRST_LENGTH];
    /** Where in its first page each one begins. */
    private char[] inPage = new char[FIRST_LENGTH];

    private int count;
    private long leftOut;

    private long lastEdata;
    private long lastEnd;
    private long strayEdata;

    ExtentCollector(Reader reader, TreeShape shape, AnonymousMemory anonymous, DamageList damages, boolean settled) {
        this.reader = reader;
        this.shape = shape;
        this.extent = new Edata(JemallocLayout.latest(shape.lgPage()));
        this.page = shape.page();
        this.anonymous = anonymous;
        this.damages = damages;
        this.settled = settled;
    }

    int count() {
        return count;
    }

    /** Bytes of pages whose extents were in no state to be read, so that they are in none. */
    long leftOut() {
        return leftOut;
    }

    @Override
    public void entry(long number, long edata, long word, long more) {
        long start = number * page;
        if (edata == lastEdata && start < lastEnd) {
            return;
        }
        long offset = anonymous.holds(edata, extent.size()) ? reader.find(edata, extent.size()) : -1;
        if (offset < 0) {
            stray(
                    start,
                    edata,
                    "the page at 0x%x has its extent at 0x%x, where nothing can be".formatted(start, edata));
            return;
        }
        extent.wrap(reader.segment(), offset, edata);
        long size = extent.eSize();
        if (edata == lastEdata) {
            contradicts(start + page, "less");
            return;
        }
        if (extent.base() == start && start < lastEnd) {
            contradicts(start, "more");
        }
        if (extent.base() != start || size <= 0 || size > MOST_BYTES - start) {
            stray(
                    start,
                    edata,
                    "the page at 0x%x has an extent at 0x%x that says it has %d bytes at 0x%x"
                            .formatted(start, edata, size, extent.eAddr()));
            return;
        }
        add(start, size, extent.eBits(), edata, word, more, (char) (extent.eAddr() - start));
        lastEdata = edata;
        lastEnd = start + size;
        strayEdata = 0;
    }

    /** Tells of each extent once, though a slab has an entry for each page. */
    private void stray(long page, long edata, String reason) {
        leftOut += page;
        if (settled && edata != strayEdata) {
            damages.add(edata, -1, reason);
        }
        strayEdata = edata;
    }

    /** The last extent has pages that it does not count, or counts pages that are another one's. */
    private void contradicts(long end, String how) {
        int row = COLUMNS * (count - 1);
        if (settled && inPage[count - 1] != DAMAGED) {
            damages.add(
                    lastEdata,
                    -1,
                    "an extent says that it has %d bytes at 0x%x, %s than the tree says"
                            .formatted(rows[row + SIZE], rows[row + START], how));
        }
        inPage[count - 1] = DAMAGED;
        rows[row + SIZE] = end - rows[row + START];
        lastEnd = end;
    }

    private void add(long start, long size, long bits, long edata, long word, long more, char offset) {
        int row = COLUMNS * count;
        if (row == rows.length) {
            rows = Arrays.copyOf(rows, 2 * row);
            inPage = Arrays.copyOf(inPage, 2 * count);
        }
        rows[row + START] = start;
        rows[row + SIZE] = size;
        rows[row + BITS] = bits;
        rows[row + EDATA] = edata;
        rows[row + WORD] = word;
        rows[row + MORE] = more;
        inPage[count++] = offset;
    }

    /** How many active extents are as the tree's leaves say, by one layout, and how many are not. */
    record Votes(int fit, int others) {
        int lead() {
            return fit - others;
        }
    }

    /** Holds what extents say of themselves, read with a layout, against what the leaves say of them. */
    Votes votes(JemallocLayout layout) {
        int fit = 0;
        int others = 0;
        for (int row = 0; row < COLUMNS * count; row += COLUMNS) {
            long bits = rows[row + BITS];
            if (layout.state().of(bits) != 0) {
                continue;
            }
            if (layout.szind().of(bits) == layout.leafSzind(shape, rows[row + WORD], rows[row + MORE])
                    && JemallocLayout.SLAB.of(bits) == layout.leafSlab(shape, rows[row + WORD], rows[row + MORE])) {
                fit++;
            } else {
                others++;
            }
        }
        return new Votes(fit, others);
    }

    /** How many slabs have the size that follows from some size classes, and how many have another one. */
    Votes votes(JemallocLayout layout, SizeClasses classes) {
        int fit = 0;
        int others = 0;
        for (int row = 0; row < COLUMNS * count; row += COLUMNS) {
            long bits = rows[row + BITS];
            int szind = layout.szind().of(bits);
            if (layout.state().of(bits) != 0 || JemallocLayout.SLAB.of(bits) == 0 || szind >= classes.count()) {
                continue;
            }
            if (szind < classes.bins() && classes.slabSize(szind) == rows[row + SIZE]) {
                fit++;
            } else {
                others++;
            }
        }
        return new Votes(fit, others);
    }

    /**
     * What a large extent has more than its block: a page where large blocks begin anywhere in their first page, so
     * that not all use the same lines of a cache.
     */
    long pad(JemallocLayout layout, SizeClasses classes) {
        int padded = 0;
        for (int i = 0, row = 0; i < count; i++, row += COLUMNS) {
            long bits = rows[row + BITS];
            int szind = layout.szind().of(bits);
            if (layout.state().of(bits) == 0 && JemallocLayout.SLAB.of(bits) == 0 && szind < classes.count()) {
                long size = rows[row + SIZE];
                padded +=
                        inPage[i] != 0 || size - page == classes.size(szind) ? 1 : size == classes.size(szind) ? -1 : 0;
            }
        }
        return padded > 0 ? page : 0;
    }

    /** Addresses of the structures that describe extents, in the order of the extents. */
    long edata(int index) {
        return rows[COLUMNS * index + EDATA];
    }

    /**
     * Sorts out what the extents are.
     *
     * @param pad what a large extent has more than its block, in bytes
     * @param bases blocks of jemalloc's own structures, in address order, to be put among them
     */
    ExtentTable table(JemallocLayout layout, SizeClasses classes, long pad, List<BaseBlocks.Block> bases) {
        ExtentTable table = new ExtentTable();
        int base = 0;
        long end = 0;
        for (int i = 0; i < count; i++) {
            long start = rows[COLUMNS * i + START];
            for (; base < bases.size() && bases.get(base).address() < start; base++) {
                end = add(table, bases.get(base), end, start);
            }
            int at = add(table, i, layout, classes, pad);
            end = start + table.sizes[at];
        }
        for (; base < bases.size(); base++) {
            end = add(table, bases.get(base), end, Long.MAX_VALUE);
        }
        return table;
    }

    private static long add(ExtentTable table, BaseBlocks.Block block, long end, long limit) {
        if (block.address() < end || block.size() > limit - block.address()) {
            return end;
        }
        table.add(ExtentTable.Kind.BASE, block.address(), block.size());
        return block.address() + block.size();
    }

    private int add(ExtentTable table, int index, JemallocLayout layout, SizeClasses classes, long pad) {
        int row = COLUMNS * index;
        long bits = rows[row + BITS];
        int szind = layout.szind().of(bits);
        ExtentTable.Kind kind = kind(layout, bits, rows[row + SIZE], classes);
        String wrong = inPage[index] == DAMAGED ? "" : contradiction(index, kind, layout, classes, pad);
        if (inPage[index] == DAMAGED || !wrong.isEmpty()) {
            kind = ExtentTable.Kind.FLUX;
        }
        int at = table.add(kind, rows[row + START], rows[row + SIZE], rows[row + EDATA]);
        table.addresses[at] = rows[row + START] + (kind == ExtentTable.Kind.LARGE ? inPage[index] : 0);
        table.arenas[at] = (short) JemallocLayout.ARENA.of(bits);
        table.classes[at] = szind < classes.count() ? (short) szind : -1;
        table.nfree[at] = (short) layout.nfree().of(bits);
        table.shards[at] = (byte) layout.binShard().of(bits);
        if (kind == ExtentTable.Kind.FLUX && settled && !wrong.isEmpty()) {
            damages.add(
                    rows[row + EDATA],
                    table.arenas[at],
                    "the extent of %d bytes at 0x%x %s".formatted(rows[row + SIZE], rows[row + START], wrong));
        }
        return at;
    }

    /** What is wrong with an extent, empty if nothing is: an active one is what the tree says of its first page. */
    private String contradiction(
            int index, ExtentTable.Kind kind, JemallocLayout layout, SizeClasses classes, long pad) {
        int row = COLUMNS * index;
        long bits = rows[row + BITS];
        if (layout.state().of(bits) != 0) {
            return "";
        }
        int szind = layout.szind().of(bits);
        // What is freed into the cache of huge pages loses its size class, but the tree is not told.
        boolean cached = szind == classes.count() && layout.hpa().of(bits) != 0;
        if (!cached
                && (szind != layout.leafSzind(shape, rows[row + WORD], rows[row + MORE])
                        || JemallocLayout.SLAB.of(bits)
                                != layout.leafSlab(shape, rows[row + WORD], rows[row + MORE]))) {
            return "is of another size class or kind than the tree says";
        }
        return switch (kind) {
            case FLUX -> "is a slab, but can't have regions of size class " + szind;
            case LARGE -> inPage[index] > pad ? "begins inside its first page" : "";
            default -> inPage[index] != 0 ? "begins inside its first page" : "";
        };
    }

    private static ExtentTable.Kind kind(JemallocLayout layout, long bits, long size, SizeClasses classes) {
        int szind = layout.szind().of(bits);
        return switch (ExtentState.of(layout.state().of(bits))) {
            // Without a size class it is one that the cache of huge pages keeps.
            case ACTIVE ->
                szind >= classes.count()
                        ? ExtentTable.Kind.DIRTY
                        : JemallocLayout.SLAB.of(bits) == 0
                                ? ExtentTable.Kind.LARGE
                                : szind < classes.bins() && size / classes.size(szind) <= layout.mostRegions()
                                        ? ExtentTable.Kind.SLAB
                                        : ExtentTable.Kind.FLUX;
            case DIRTY -> ExtentTable.Kind.DIRTY;
            case MUZZY -> ExtentTable.Kind.MUZZY;
            case RETAINED -> ExtentTable.Kind.RETAINED;
            case TRANSITION, MERGING, UNKNOWN -> ExtentTable.Kind.FLUX;
        };
    }
}
