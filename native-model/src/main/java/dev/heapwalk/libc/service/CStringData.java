// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.libc.service;

import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.CategorizerProvider;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.libc.LibcCategories;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;

/**
 * Takes a block for C string data if it begins with text in printable UTF-8 that a zero byte ends, and that text is
 * what the block was made for: it fills the block but for rounding, or only zeros follow.
 */
public final class CStringData implements CategorizerProvider {
    /** Shorter texts are too like small numbers. */
    private static final int SHORTEST = 3;
    /** A request is rounded up by less than this, in bytes. */
    private static final int ROUNDING = 16;
    /** A block of this size is looked at as a whole, in bytes. */
    private static final int AT_ONCE = 1 << 10;
    /** Of a larger block only so much is looked at. */
    private static final int MOST = Window.MAX_LENGTH;

    /** For the service loader. */
    public CStringData() {}

    @Override
    public int priority() {
        return CONTENT;
    }

    @Override
    public Categorizer categorizer(Heaps heaps) {
        return CStringData::categorize;
    }

    private static Category categorize(BlockView block, Window window) {
        long usable = block.usableSize();
        if (usable < SHORTEST + 1) {
            return Category.NONE;
        }
        long address = block.address();
        int length = (int) Math.min(usable, MOST);
        // Of a large block no more is read than tells that it is no text.
        long offset = window.find(address, length <= AT_ONCE ? length : 1);
        if (offset < 0 || !possibleStart(window.segment().get(Words.BYTE, offset))) {
            return Category.NONE;
        }
        if (length > AT_ONCE) {
            offset = window.find(address, length);
            if (offset < 0) {
                return Category.NONE;
            }
        }
        MemorySegment segment = window.segment();
        int text = text(segment, offset, length);
        if (text < SHORTEST) {
            return Category.NONE;
        }
        if (text == length) {
            return usable > MOST && endsWithin(block, window, usable) ? LibcCategories.STRING_DATA : Category.NONE;
        }
        if (segment.get(Words.BYTE, offset + text) != 0) {
            return Category.NONE;
        }
        if (text + 1 > usable - ROUNDING) {
            return LibcCategories.STRING_DATA;
        }
        for (int i = text + 1; i < length; i++) {
            if (segment.get(Words.BYTE, offset + i) != 0) {
                return Category.NONE;
            }
        }
        return LibcCategories.STRING_DATA;
    }

    private static boolean possibleStart(byte first) {
        return first >= 0x20 && first != 0x7f
                || first == '\n'
                || first == '\t'
                || first == '\r'
                || (first & 0xc0) == 0xc0;
    }

    /** Whether a block that is larger than a window ends in text and a zero byte. */
    private static boolean endsWithin(BlockView block, Window window, long usable) {
        int last = 64;
        long offset = window.find(block.address() + usable - last, last);
        if (offset < 0) {
            return false;
        }
        MemorySegment segment = window.segment();
        int i = last - 1;
        while (i >= last - ROUNDING && segment.get(Words.BYTE, offset + i) != 0) {
            i--;
        }
        return i >= last - ROUNDING && segment.get(Words.BYTE, offset + i - 1) != 0;
    }

    /** How many bytes of text there are before the first byte that is none. */
    private static int text(MemorySegment segment, long offset, int length) {
        int i = 0;
        while (i < length) {
            int b = segment.get(Words.BYTE, offset + i) & 0xff;
            if (b >= 0x20 && b < 0x7f || b == '\n' || b == '\t' || b == '\r') {
                i++;
                continue;
            }
            int more = b >= 0xc2 && b <= 0xdf ? 1 : b >= 0xe0 && b <= 0xef ? 2 : b >= 0xf0 && b <= 0xf4 ? 3 : 0;
            if (more == 0) {
                return i;
            }
            if (i + more >= length) {
                // Cut off by the end of what is looked at.
                return length == MOST ? length : i;
            }
            for (int j = 1; j <= more; j++) {
                if ((segment.get(Words.BYTE, offset + i + j) & 0xc0) != 0x80) {
                    return i;
                }
            }
            i += more + 1;
        }
        return i;
    }
}
