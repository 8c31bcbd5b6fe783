// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import java.io.FileInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** The text of a file of {@code /proc}, in a buffer that is used again for the next one. For one thread at a time. */
final class ProcText {
    /** The JDK copies more than this through memory that it allocates for the call. */
    private static final int AT_ONCE = 8 << 10;

    private byte[] bytes = new byte[1 << 10];
    private int length;

    /** Reads a file as a whole; its size is not known before. Tells of each part. */
    void read(String file, Runnable progress) throws IOException {
        length = 0;
        try (FileInputStream in = new FileInputStream(file)) {
            int got;
            while ((got = in.read(bytes, length, Math.min(AT_ONCE, bytes.length - length))) > 0) {
                length += got;
                progress.run();
                if (length == bytes.length) {
                    bytes = Arrays.copyOf(bytes, 4 * length);
                }
            }
        }
    }

    /** Takes over what was read otherwise. */
    void take(byte[] text) {
        bytes = Arrays.copyOf(text, Math.max(text.length, 1 << 10));
        length = text.length;
    }

    /** The text, with more behind it. Good until the next file is read. */
    byte[] bytes() {
        return bytes;
    }

    int length() {
        return length;
    }

    /** Whether it is the same text. */
    boolean equals(byte[] other, int otherLength) {
        return Arrays.equals(bytes, 0, length, other, 0, otherLength);
    }

    /** Where the text behind the first occurrence of some characters begins; -1 if they do not occur. */
    int behind(String characters) {
        for (int at = 0; at + characters.length() <= length; at++) {
            int same = 0;
            while (same < characters.length() && bytes[at + same] == characters.charAt(same)) {
                same++;
            }
            if (same == characters.length()) {
                return at + same;
            }
        }
        return -1;
    }

    /** The last place of a character; -1 if it does not occur. */
    int last(char character) {
        int at = length - 1;
        while (at >= 0 && bytes[at] != character) {
            at--;
        }
        return at;
    }

    /** The field so many spaces behind a place. */
    int field(int from, int fields) {
        int at = from;
        for (int i = 0; i < fields; i++) {
            while (at < length && bytes[at] != ' ') {
                at++;
            }
            at++;
        }
        return at;
    }

    /** The decimal number at a place. */
    long number(int from) {
        long number = 0;
        for (int at = from; at < length && bytes[at] >= '0' && bytes[at] <= '9'; at++) {
            number = 10 * number + bytes[at] - '0';
        }
        return number;
    }

    /** The first line, without its end. */
    String line() {
        int end = length > 0 && bytes[length - 1] == '\n' ? length - 1 : length;
        return new String(bytes, 0, end, StandardCharsets.UTF_8);
    }
}
