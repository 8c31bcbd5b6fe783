// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.AnonymousMemory;
import dev.heapwalk.heap.DamageList;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.tcmalloc.layout.MapShape;
import dev.heapwalk.tcmalloc.layout.TcmallocLayout;
import java.util.Arrays;

/**
 * Takes the spans that the page map leads to. A span is taken if the map has it for the pages that it says to begin and
 * end with. What lies inside of one that was taken is not looked at.
 */
final class SpanCollector implements PageMap.Entries {
    private static final int COLUMNS = 5;
    private static final int START = 0;
    private static final int SIZE = 1;
    private static final int SPAN = 2;
    private static final int USABLE = 3;
    private static final int KIND_AND_CLASS = 4;
    private static final int FIRST_LENGTH = 1 << 12;
    private static final long NOWHERE = -1;

    private final Reader reader;
    private final PageMap map;
    private final MapShape shape;
    private final AnonymousMemory anonymous;
    private final SizeClasses classes;
    private final DamageList damages;
    /** Whether what does not fit is damage, and no change that is under way. */
    private final boolean settled;

    private final Span span = new Span();
    private long[] rows = new long[COLUMNS * FIRST_LENGTH];
    private int count;
    private int sampled;

    /** The page behind the last span. */
    private long end;
    /** The first page since then that belongs to no span, as it seems. */
    private long gap = NOWHERE;

    // What the span says of itself.
    private long start;
    private long length;
    private long objects;
    private boolean linked;
    private boolean sample;
    private int refcount;
    private int sizeClass;
    private int location;

    SpanCollector(
            Reader reader,
            PageMap map,
            AnonymousMemory anonymous,
            SizeClasses classes,
            DamageList damages,
            boolean settled) {
        this.reader = reader;
        this.map = map;
        this.shape = map.shape();
        this.anonymous = anonymous;
        this.classes = classes;
        this.damages = damages;
        this.settled = settled;
    }

    int count() {
        return count;
    }

    int sampled() {
        return sampled;
    }

    @Override
    public void entry(long page, long address) {
        if (page < end) {
            return;
        }
        if (!read(address)) {
            stray(page, address, "the page at 0x%x has its span at 0x%x, where nothing can be");
            return;
        }
        if (start < end || start > page || length <= 0 || page - start >= length || !mapped()) {
            stray(page, address, "the page at 0x%x has a span at 0x%x that says it has others");
            return;
        }
        boolean first = start == page || map.entry(reader, anonymous, start) == address;
        boolean last = page == start + length - 1 || map.entry(reader, anonymous, start + length - 1) == address;
        // Where only one of them is right, another span may be in the place of the rest.
        if (!last && !(first && small())) {
            stray(page, address, "the page at 0x%x has a span at 0x%x that does not end where it says");
            return;
        }
        if (!(first && last) && settled) {
            damages.add(
                    address,
                    -1,
                    "the page map does not have the span of %d pages at 0x%x for its %s page"
                            .formatted(length, start << shape.pageShift(), first ? "last" : "first"));
        }
        add(address);
    }

    /** Whether it has objects, in as many pages as there have to be. */
    private boolean small() {
        return location == Span.IN_USE
                && sizeClass > 0
                && sizeClass < classes.count()
                && length == classes.pages()[sizeClass];
    }

    private boolean mapped() {
        return length <= 1L << shape.leafBits() + shape.rootBits()
                && start >>> shape.leafBits() + shape.rootBits() == 0
                && anonymous.holds(start << shape.pageShift(), length << shape.pageShift());
    }

    private boolean read(long address) {
        long offset = (address & 7) == 0 && anonymous.holds(address, Span.SIZE) ? reader.find(address, Span.SIZE) : -1;
        if (offset < 0) {
            return false;
        }
        span.wrap(reader.segment(), offset, address);
        start = span.start();
        length = span.length();
        objects = span.objects();
        linked = span.next() != 0 || span.prev() != 0;
        refcount = span.refcount();
        sizeClass = span.sizeclass();
        location = span.location();
        sample = span.sample();
        return true;
    }

    /** Tells only of the first one: behind it may be other pages of the same span, and what others left there. */
    private void stray(long page, long address, String reason) {
        if (gap >= 0) {
            return;
        }
        gap = page;
        if (settled) {
            damages.add(address, -1, reason.formatted(page << shape.pageShift(), address));
        }
    }

    /** Takes what could not be read since the last span for one. */
    private void endGap(long page) {
        if (gap < 0) {
            return;
        }
        long from = gap << shape.pageShift();
        int range = anonymous.ranges().at(from);
        if (range >= 0) {
            long behind = Math.min(page << shape.pageShift(), anonymous.ranges().end(range));
            if (behind > from) {
                add(from, behind - from, 0, 0, SpanTable.Kind.FLUX, 0);
            }
        }
        gap = NOWHERE;
    }

    private void add(long address) {
        endGap(start);
        end = start + length;
        long bytes = length << shape.pageShift();
        long usable = bytes;
        SpanTable.Kind kind = kind(address, bytes);
        if (kind == SpanTable.Kind.SAMPLED) {
            sampled++;
            // The stack trace begins with the size that was asked for.
            long asked = reader.readLong(objects, bytes);
            usable = asked < 0 || asked > bytes ? bytes : classes.usable(asked, shape.pageSize());
        } else if (kind == SpanTable.Kind.FLUX) {
            if (settled) {
                damages.add(
                        address,
                        -1,
                        "the span of %d bytes at 0x%x has size class %d, %d objects in use and location %d, %s"
                                .formatted(
                                        bytes,
                                        start << shape.pageShift(),
                                        sizeClass,
                                        refcount,
                                        location,
                                        linked ? "in a list" : "in no list"));
            }
        }
        add(start << shape.pageShift(), bytes, address, usable, kind, sizeClass);
    }

    private void add(long from, long bytes, long address, long usable, SpanTable.Kind kind, int ofClass) {
        int row = COLUMNS * count;
        if (row == rows.length) {
            rows = Arrays.copyOf(rows, 2 * row);
        }
        rows[row + START] = from;
        rows[row + SIZE] = bytes;
        rows[row + SPAN] = address;
        rows[row + USABLE] = usable;
        rows[row + KIND_AND_CLASS] = (long) kind.ordinal() << Byte.SIZE | ofClass;
        count++;
    }

    /** What its fields say together: all of them change when it is taken for another purpose. */
    private SpanTable.Kind kind(long address, long bytes) {
        if (location == Span.IN_USE) {
            if (sizeClass != 0) {
                return small() && !sample && refcount <= bytes / classes.size(sizeClass)
                        ? SpanTable.Kind.SMALL
                        : SpanTable.Kind.FLUX;
            }
            if (refcount != 0 || sample != linked) {
                return SpanTable.Kind.FLUX;
            }
            return sample ? SpanTable.Kind.SAMPLED : SpanTable.Kind.LARGE;
        }
        boolean listed = bytes <= TcmallocLayout.MOST_LISTED_BYTES
                ? linked
                : !linked && reader.readLong(objects + TcmallocLayout.SET_SPAN, 0) == address;
        if (sizeClass != 0 || refcount != 0 || sample || !listed) {
            return SpanTable.Kind.FLUX;
        }
        return switch (location) {
            case Span.ON_NORMAL_FREELIST -> SpanTable.Kind.NORMAL;
            case Span.ON_RETURNED_FREELIST -> SpanTable.Kind.RETURNED;
            default -> SpanTable.Kind.FLUX;
        };
    }

    /**
     * Puts the spans into a table, after the last entry.
     *
     * @param metadata is told of each span and of what lies before it
     */
    SpanTable table(Metadata metadata) {
        endGap(Long.MAX_VALUE >>> shape.pageShift());
        SpanTable table = new SpanTable();
        SpanTable.Kind[] kinds = SpanTable.Kind.values();
        for (int i = 0; i < count; i++) {
            if (rows[COLUMNS * i + SPAN] != 0) {
                metadata.structure(rows[COLUMNS * i + SPAN], Span.SIZE);
            }
        }
        long behind = 0;
        for (int row = 0; row < COLUMNS * count; row += COLUMNS) {
            metadata.between(behind, rows[row + START], table);
            table.add(
                    kinds[(int) (rows[row + KIND_AND_CLASS] >>> Byte.SIZE)],
                    rows[row + START],
                    rows[row + SIZE],
                    rows[row + SPAN],
                    rows[row + USABLE],
                    (int) rows[row + KIND_AND_CLASS] & 0xff);
            behind = rows[row + START] + rows[row + SIZE];
        }
        metadata.between(behind, Long.MAX_VALUE, table);
        return table;
    }
}
