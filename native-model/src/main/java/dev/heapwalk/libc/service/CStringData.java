// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.libc.service;

import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.CategorizerProvider;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.libc.LibcCategories;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;

/**
 * Takes a block for C string data if it begins with text in printable UTF-8 that a zero byte in the block ends, and
 * that text is what the block was made for: it fills the block but for rounding, or only zeros follow. A word that is
 * the address of something is none, though its bytes may be letters. Text of languages that end it with nothing is told
 * apart only where something other than zero follows it.
 */
public final class CStringData implements CategorizerProvider {
    /** Shorter texts are too like small numbers. */
    private static final int SHORTEST = 3;
    /** A request is rounded up by less than this, in bytes. */
    private static final int ROUNDING = 16;
    /** What is left of a free block is too small to be one by itself, and is handed out with it, in bytes. */
    private static final int REMAINDER = 32;
    /** So much text is no number and no name of something at the head of a structure. */
    private static final int LONG_TEXT = 16;
    /** The least that a block can hold, however little was asked for, in bytes. */
    private static final int SMALLEST_BLOCK = 24;
    /** Text of so many bytes is no number. */
    private static final int WORD = 8;
    /** Below, an address is as short as a word of three or four letters. */
    private static final long HIGH = 1L << 32;
    /** Where blocks begin. */
    private static final int ALIGNMENT = 16;
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
        Mappings mappings = heaps.target().memory().mappings();
        int wordSize = heaps.target().machine().wordSize();
        return (block, window) -> categorize(block, window, mappings, wordSize);
    }

    private static Category categorize(BlockView block, Window window, Mappings mappings, int wordSize) {
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
        if (segment.get(Words.BYTE, offset + text) != 0
                || isPointer(segment, offset, text, length, mappings, wordSize)) {
            return Category.NONE;
        }
        long left = usable - text - 1;
        if (left < ROUNDING || left < REMAINDER && text >= LONG_TEXT) {
            return LibcCategories.STRING_DATA;
        }
        if (text < WORD && usable > SMALLEST_BLOCK) {
            // As a small number before zeros.
            return Category.NONE;
        }
        for (int i = text + 1; i < length; i++) {
            if (segment.get(Words.BYTE, offset + i) != 0) {
                return Category.NONE;
            }
        }
        return LibcCategories.STRING_DATA;
    }

    /** Whether the first word is an address of the target. */
    private static boolean isPointer(
            MemorySegment segment, long offset, int text, int length, Mappings mappings, int wordSize) {
        if (wordSize == WORD && text >= WORD || length < wordSize) {
            // Eight letters are no address.
            return false;
        }
        long word = wordSize == WORD ? segment.get(Words.LONG, offset) : segment.get(Words.INT, offset) & 0xffffffffL;
        return (word >= HIGH || word % ALIGNMENT == 0) && mappings.readable(word, 1);
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
