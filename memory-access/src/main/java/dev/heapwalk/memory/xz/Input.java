// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.xz;

import java.util.Arrays;

/** The compressed bytes, read from the first to the last. */
final class Input {
    /** The format's numbers have so many groups of seven bits at most. */
    private static final int LONGEST_NUMBER = 9;

    private final byte[] bytes;
    private int position;

    Input(byte[] bytes) {
        this.bytes = bytes;
    }

    byte[] bytes() {
        return bytes;
    }

    int position() {
        return position;
    }

    int left() {
        return bytes.length - position;
    }

    /** The next byte, without going on. */
    int peek() throws XzException {
        need(1);
        return bytes[position] & 0xff;
    }

    int read() throws XzException {
        need(1);
        return bytes[position++] & 0xff;
    }

    /** 32 bits without a sign, the lowest byte first. */
    long readInt() throws XzException {
        long number = 0;
        for (int i = 0; i < Integer.BYTES; i++) {
            number |= (long) read() << Byte.SIZE * i;
        }
        return number;
    }

    /** A number in groups of seven bits, the lowest first. */
    long readNumber() throws XzException {
        long number = 0;
        for (int i = 0; i < LONGEST_NUMBER; i++) {
            int group = read();
            number |= (group & 0x7fL) << 7 * i;
            if (group < 0x80) {
                if (group == 0 && i > 0) {
                    throw new XzException("a number with a zero before it");
                }
                return number;
            }
        }
        throw new XzException("a number that is too long");
    }

    byte[] readBytes(int count) throws XzException {
        int start = skip(count);
        return Arrays.copyOfRange(bytes, start, start + count);
    }

    /**
     * Goes on behind so many bytes.
     *
     * @return where these begin
     */
    int skip(int count) throws XzException {
        need(count);
        position += count;
        return position - count;
    }

    private void need(int count) throws XzException {
        if (count > left()) {
            throw new XzException("a file that ends at byte " + bytes.length);
        }
    }
}
