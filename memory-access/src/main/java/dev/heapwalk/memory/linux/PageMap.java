// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.TouchedPages;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Which pages of a process hold something, by {@code /proc/PID/pagemap}: a word for each page, whose two uppermost bits
 * say whether it is in memory or swapped out. Only private memory without a file is all zero where neither is set. For
 * one search of one thread, and for another one after {@link #forget()}.
 */
final class PageMap implements TouchedPages {
    private static final long HOLDS = 0b11L << 62;
    /** Words read at once: those of 32 MiB, so that a small mapping does not cost much. */
    private static final int MOST_WORDS = 1 << 13;

    private final LiveMemory memory;
    private final int pageSize;
    private final MemorySegment words = Arena.ofAuto().allocate(JAVA_LONG, MOST_WORDS);
    private Mapping mapping;
    private boolean zeroUntouched;
    private long first;
    private long count;

    PageMap(LiveMemory memory) {
        this.memory = memory;
        this.pageSize = memory.pageSize();
    }

    @Override
    public long next(long address, long limit) {
        long at = address;
        while (at < limit) {
            if (mapping == null || !mapping.contains(at)) {
                mapping = memory.mappings().at(at).orElse(null);
                zeroUntouched = mapping != null && isPrivateMemory(mapping.path());
            }
            if (!zeroUntouched) {
                return at;
            }
            long end = Math.min(limit, mapping.end());
            at = within(at, end);
            if (at < end) {
                return at;
            }
        }
        return Math.max(address, limit);
    }

    private static boolean isPrivateMemory(String path) {
        return path.isEmpty() || path.equals("[heap]") || path.startsWith("[stack") || path.startsWith("[anon:");
    }

    @Override
    public void forget() {
        mapping = null;
        count = 0;
    }

    /** The first address that holds something or may, {@code end} if none does before it. */
    private long within(long address, long end) {
        long pages = (end + pageSize - 1) / pageSize;
        for (long page = address / pageSize; page < pages; page++) {
            if (page < first || page >= first + count) {
                first = page;
                count = memory.readPageMap(page, words.asSlice(0, Math.min(MOST_WORDS, pages - page) * Long.BYTES));
                if (count == 0) {
                    return Math.max(address, page * pageSize);
                }
            }
            if ((words.getAtIndex(JAVA_LONG, page - first) & HOLDS) != 0) {
                return Math.max(address, page * pageSize);
            }
        }
        return end;
    }
}
