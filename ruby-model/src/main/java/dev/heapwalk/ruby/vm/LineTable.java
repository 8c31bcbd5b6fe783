// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.layout.IseqLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import java.util.Arrays;

/**
 * The lines of the instructions of an iseq. C names {@code struct iseq_insn_info} and {@code struct succ_index_table}:
 * entry {@code n} holds from the {@code n}th position that is marked in a bit vector on. The vector is kept with its
 * ranks: six words of 7-bit ranks for the first 54 positions, then blocks of 512 bits.
 */
final class LineTable {
    private static final int IMMEDIATE = 54;
    private static final int PER_WORD = 9;
    private static final int BLOCK_BITS = 512;
    /** rank (32 bits), padding, small_block_ranks, bits[8]. */
    private static final int BLOCK_WORDS = 10;

    private static final int MOST_ENTRIES = 1 << 20;

    private final int[] lines;
    private final long[] index;
    private final int[] positions;
    private final int immediateWords;

    private LineTable(int[] lines, long[] index, int[] positions, int immediateWords) {
        this.lines = lines;
        this.index = index;
        this.positions = positions;
        this.immediateWords = immediateWords;
    }

    static LineTable read(ObjectReader reader, long body, int size) {
        IseqLayout layout = RubyLayout.of(reader.series()).iseq();
        long info = body + layout.insnsInfo();
        long entries = reader.memory().readLong(info);
        long positions = reader.memory().readLong(info + IseqLayout.INFO_POSITIONS);
        int count = reader.memory().readInt(info + IseqLayout.INFO_SIZE);
        long index = reader.memory().readLong(info + IseqLayout.INFO_INDEX);
        int stride = layout.insnInfoSize();
        if (count < 0 || count > MOST_ENTRIES) {
            throw new UnmappedAddressException(entries, entries, Math.max(0, count));
        }
        reader.memory().requireMapped(entries, count, stride);
        int[] lines = new int[count];
        for (int i = 0; i < count; i++) {
            lines[i] = reader.memory().readInt(entries + (long) i * stride);
        }
        if (count <= 1) {
            return new LineTable(lines, null, null, 0);
        }
        if (index == 0) {
            return new LineTable(lines, null, positions(reader, positions, count), 0);
        }
        int immediate = size < IMMEDIATE ? (size + PER_WORD - 1) / PER_WORD : IMMEDIATE / PER_WORD;
        int blocks = size < IMMEDIATE ? 0 : (size - IMMEDIATE + BLOCK_BITS - 1) / BLOCK_BITS;
        reader.memory().requireMapped(index, immediate + blocks * BLOCK_WORDS, Long.BYTES);
        long[] words = new long[immediate + blocks * BLOCK_WORDS];
        for (int i = 0; i < words.length; i++) {
            words[i] = reader.memory().readLong(index + 8L * i);
        }
        return new LineTable(lines, words, null, immediate);
    }

    private static int[] positions(ObjectReader reader, long address, int count) {
        reader.memory().requireMapped(address, count, Integer.BYTES);
        int[] found = new int[count];
        for (int i = 0; i < count; i++) {
            found[i] = reader.memory().readInt(address + 4L * i);
        }
        return found;
    }

    /** How much memory it takes, in bytes. */
    int weight() {
        return Integer.BYTES * lines.length
                + (index == null ? 0 : Long.BYTES * index.length)
                + (positions == null ? 0 : Integer.BYTES * positions.length);
    }

    /** The lines that instructions stand on, in order. */
    int[] distinct() {
        return Arrays.stream(lines).sorted().distinct().toArray();
    }

    /** The line of the instruction at a position; 0 if it is not known. */
    int line(int position) {
        int entry = lines.length <= 1 ? 0 : (index == null ? search(position) : rank(position) - 1);
        return entry < 0 || entry >= lines.length ? 0 : lines[entry];
    }

    private int search(int position) {
        int low = 0;
        int high = positions.length - 1;
        while (low < high) {
            int middle = low + high + 1 >>> 1;
            if (positions[middle] <= position) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return low;
    }

    private int rank(int position) {
        if (position < IMMEDIATE) {
            int word = position / PER_WORD;
            return word >= immediateWords ? 0 : (int) (index[word] >>> position % PER_WORD * 7) & 0x7f;
        }
        int bit = (position - IMMEDIATE) % BLOCK_BITS;
        int block = immediateWords + (position - IMMEDIATE) / BLOCK_BITS * BLOCK_WORDS;
        if (block + BLOCK_WORDS > index.length) {
            return 0;
        }
        int small = bit / 64;
        int before = small == 0 ? 0 : (int) (index[block + 1] >>> (small - 1) * 9) & 0x1ff;
        int within = Long.bitCount(index[block + 2 + small] << 63 - bit % 64);
        return (int) index[block] + before + within;
    }
}
