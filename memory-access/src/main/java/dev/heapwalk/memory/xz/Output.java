// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.xz;

import java.util.Arrays;

/** What was decompressed so far, which later bytes are copied from: the dictionary. It grows as bytes come. */
final class Output {
    private final int most;
    private byte[] bytes = new byte[1 << 12];
    private int position;
    /** Nothing before it may be copied from. */
    private int start;

    private long dictionary;

    Output(int most) {
        this.most = most;
    }

    byte[] bytes() {
        return bytes;
    }

    int position() {
        return position;
    }

    /** Sets how many bytes back a copy may begin. Nothing that is there already may be copied. */
    void setDictionary(long size) {
        dictionary = size;
        start = position;
    }

    /** Forgets what may be copied from. */
    void reset() {
        start = position;
    }

    /** Makes room, so that so many bytes can be added. */
    void reserve(int count) throws XzException {
        if (count > most - position) {
            throw new XzException("more than " + most + " bytes when decompressed");
        }
        if (bytes.length - position < count) {
            bytes = Arrays.copyOf(bytes, (int) Math.min(most, Math.max(2L * bytes.length, (long) position + count)));
        }
    }

    /** How many bytes there are since the dictionary was last empty. */
    int place() {
        return position - start;
    }

    /** The last byte, 0 if there is none: what the next one depends on. */
    int before() {
        return position > start ? bytes[position - 1] & 0xff : 0;
    }

    /** The byte that a copy from a distance would begin with. */
    int at(int distance) throws XzException {
        check(distance);
        return bytes[position - 1 - distance] & 0xff;
    }

    void add(int value) {
        bytes[position++] = (byte) value;
    }

    void add(byte[] from, int offset, int count) {
        System.arraycopy(from, offset, bytes, position, count);
        position += count;
    }

    /**
     * Repeats what is there already. It may reach into what it adds.
     *
     * @param distance how far back it begins, 0 for the last byte
     * @param count how many bytes there is room for
     */
    void repeat(int distance, int count) throws XzException {
        check(distance);
        int from = position - 1 - distance;
        for (int i = 0; i < count; i++) {
            bytes[position + i] = bytes[from + i];
        }
        position += count;
    }

    private void check(int distance) throws XzException {
        long back = Integer.toUnsignedLong(distance);
        if (back >= position - start || back >= dictionary) {
            throw new XzException("a copy from before the beginning");
        }
    }
}
