// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.ruby.HeapPages;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.layout.PageLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.text.JsonLines;
import java.lang.foreign.MemorySegment;

/**
 * What the garbage collector knows of the slots of a page: the bitmaps of {@code struct heap_page}, and what
 * {@code rb_obj_gc_flags} makes of them.
 */
final class GcBits {
    /**
     * The flags that there are, in the order in which Ruby lists them; each is a bit of {@link #of}. The last since
     * 4.0.
     */
    private static final String[] NAMES = {
        "wb_protected", "old", "uncollectible", "marking", "marked", "pinned", "remembered"
    };

    private static final int WB_PROTECTED = 1;
    private static final int OLD = 2;
    private static final int UNCOLLECTIBLE = 4;
    private static final int MARKING = 8;
    private static final int MARKED = 16;
    private static final int PINNED = 32;
    private static final int REMEMBERED = 64;
    /** Where the age is in {@link #of}, since 4.0. */
    private static final int AGE_SHIFT = NAMES.length;

    private static final int OLD_AGE = 3;

    private final ObjectReader reader;
    private final Reader memory;
    private final HeapPages pages;
    private final PageLayout layout;
    private final long[] words;
    private final int marked;
    private final int uncollectible;
    private final int marking;
    private final int pinned;
    private final int remembered;
    private final int age;
    private final boolean aged;
    private long body;

    GcBits(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.pages = reader.vm().pages();
        this.layout = RubyLayout.of(reader.series()).page();
        this.marked = (layout.markBits() - layout.wbUnprotectedBits()) / Long.BYTES;
        this.uncollectible = (layout.uncollectibleBits() - layout.wbUnprotectedBits()) / Long.BYTES;
        this.marking = (layout.markingBits() - layout.wbUnprotectedBits()) / Long.BYTES;
        this.pinned = (layout.pinnedBits() - layout.wbUnprotectedBits()) / Long.BYTES;
        this.remembered = (layout.rememberedBits() - layout.wbUnprotectedBits()) / Long.BYTES;
        this.aged = ObjectSpaceFormat.of(reader.series()).flagsMore();
        this.age = layout.ageBits() < 0 ? -1 : (layout.ageBits() - layout.wbUnprotectedBits()) / Long.BYTES;
        int last = age < 0 ? pinned + layout.bitmapWords() : age + 2 * layout.bitmapWords();
        this.words = new long[last];
    }

    /**
     * The flags of each combination, as {@code ObjectSpace.dump_all} writes them. Since 4.0 more may follow in the same
     * braces.
     *
     * @param aged whether the age is among them, as it is since 4.0
     */
    static byte[][] json(boolean aged) {
        byte[][] all = new byte[1 << NAMES.length + (aged ? 2 : 0)][];
        for (int bits = 0; bits < all.length; bits++) {
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < NAMES.length; i++) {
                if ((bits >>> i & 1) != 0) {
                    text.append(text.isEmpty() ? "" : ", ")
                            .append('"')
                            .append(NAMES[i])
                            .append("\":true");
                }
                if (aged && i == 0) {
                    text.append(text.isEmpty() ? "" : ", ").append("\"age\":").append(bits >>> AGE_SHIFT);
                }
            }
            all[bits] = JsonLines.ascii(text.isEmpty() ? "" : ", \"flags\":{" + text + (aged ? "" : "}"));
        }
        return all;
    }

    /** Reads the bitmaps of a page. Returns whether they can be read. */
    boolean enter(int page) {
        body = pages.body(page);
        long offset = memory.find(pages.descriptor(page) + layout.wbUnprotectedBits(), 8L * words.length);
        if (offset < 0) {
            return false;
        }
        MemorySegment.copy(memory.segment(), Words.LONG, offset, words, 0, words.length);
        return true;
    }

    /** The flags of a slot on the page, a bit each. */
    int of(long address, long flags) {
        int index = (int) (address - body) / PageLayout.BASE_SLOT_SIZE;
        int word = index >>> 6;
        int bits = (int) (~words[word] >>> index & 1) * WB_PROTECTED;
        bits |= (int) (words[uncollectible + word] >>> index & 1) * UNCOLLECTIBLE;
        bits |= (int) (words[marking + word] >>> index & 1) * MARKING;
        bits |= (int) (words[marked + word] >>> index & 1) * MARKED;
        bits |= (int) (words[pinned + word] >>> index & 1) * PINNED;
        if (aged) {
            int years = age(index);
            return bits
                    | (int) (words[remembered + word] >>> index & 1) * REMEMBERED
                    | (years == OLD_AGE ? OLD : 0)
                    | years << AGE_SHIFT;
        }
        return bits | (old(index, flags) ? OLD : 0);
    }

    private boolean old(int index, long flags) {
        if (age < 0) {
            return (flags & (Flags.PROMOTED0 | Flags.PROMOTED)) == (Flags.PROMOTED0 | Flags.PROMOTED);
        }
        return age(index) == OLD_AGE;
    }

    private int age(int index) {
        return (int) (words[age + (index >>> 5)] >>> 2 * (index & 31)) & 3;
    }
}
