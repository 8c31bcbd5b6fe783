// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.malloc.ChunkState;
import dev.heapwalk.malloc.usage.Category;
import dev.heapwalk.malloc.usage.UsageCursor;
import java.util.List;
import java.util.Set;

/**
 * A row for each of many chunks or blocks, packed into some six bytes each: flags, the distance from the end of the
 * chunk before, the size, and arena and category where they change.
 */
final class Listing implements Report {
    private static final ChunkState[] STATES = ChunkState.values();
    private static final int STATE = 0x07;
    private static final int MMAPPED = 0x08;
    private static final int OTHER_ARENA = 0x10;
    private static final int OTHER_CATEGORY = 0x20;
    private static final int EXACT_SIZE = 0x40;
    private static final int GRANULE_BITS = 4;
    private static final long BELOW_GRANULE = (1 << GRANULE_BITS) - 1;

    private final Spool rows = new Spool();
    private final Categories categories = new Categories();
    private long count;
    private long bytes;
    private long end;
    private int arena = Integer.MIN_VALUE;
    private int category = Integer.MIN_VALUE;

    private Listing() {}

    /** Walks a cursor to its end and keeps the chunks of some states. */
    static Listing of(UsageCursor usage, Set<ChunkState> states, Problems problems, Progress progress) {
        boolean[] wanted = new boolean[STATES.length];
        states.forEach(state -> wanted[state.ordinal()] = true);
        Listing listing = new Listing();
        int walked = 0;
        while (usage.next()) {
            if (wanted[usage.state().ordinal()]) {
                listing.add(usage);
            }
            if ((++walked & 0xffff) == 0) {
                progress.at(usage.chunk().walkedBytes(), usage.chunk().totalBytes());
            }
        }
        problems.add(usage.chunk().corruptions());
        usage.holes().forEach(problems::missing);
        return listing;
    }

    private void add(UsageCursor chunk) {
        Category use = chunk.category();
        int number = use == null ? -1 : categories.number(use);
        long size = chunk.size();
        int flags = chunk.state().ordinal()
                | (chunk.mmapped() ? MMAPPED : 0)
                | (chunk.arena() != arena ? OTHER_ARENA : 0)
                | (number != category ? OTHER_CATEGORY : 0)
                | ((size & BELOW_GRANULE) != 0 ? EXACT_SIZE : 0);
        rows.write(flags);
        rows.signed(chunk.address() - end);
        rows.number((flags & EXACT_SIZE) != 0 ? size : size >>> GRANULE_BITS);
        if (chunk.arena() != arena) {
            arena = chunk.arena();
            rows.signed(arena);
        }
        if (number != category) {
            category = number;
            rows.signed(category);
        }
        end = chunk.address() + size;
        count++;
        bytes += size;
    }

    @Override
    public List<Column> columns() {
        return List.of(
                Column.address("Address", "address"),
                Column.amount("Size", "size"),
                Column.text("State", "state"),
                Column.flag("Mmapped", "mmapped"),
                Column.id("Arena", "arena"),
                Column.text("Domain", "domain"),
                Column.text("Kind", "kind"),
                Column.text("Detail", "detail"));
    }

    @Override
    public void rows(RowSink sink) {
        Spool.Reader reader = rows.reader();
        long previousEnd = 0;
        long inArena = 0;
        Category use = null;
        for (long i = 0; i < count; i++) {
            int flags = reader.get();
            long address = previousEnd + reader.signed();
            long size = (flags & EXACT_SIZE) != 0 ? reader.number() : reader.number() << GRANULE_BITS;
            if ((flags & OTHER_ARENA) != 0) {
                inArena = reader.signed();
            }
            if ((flags & OTHER_CATEGORY) != 0) {
                int number = (int) reader.signed();
                use = number < 0 ? null : categories.get(number);
            }
            previousEnd = address + size;
            sink.address(address);
            sink.number(size);
            sink.text(STATES[flags & STATE].name());
            sink.flag((flags & MMAPPED) != 0);
            sink.number(inArena);
            if (use == null) {
                sink.none();
                sink.none();
                sink.none();
            } else {
                sink.text(use.domain().label());
                sink.text(use.kind());
                sink.text(use.detail());
            }
            sink.end();
        }
    }

    @Override
    public void total(RowSink sink) {
        sink.number(bytes);
        sink.text("%,d %s".formatted(count, count == 1 ? "chunk" : "chunks"));
    }

    @Override
    public void close() {
        rows.close();
    }
}
