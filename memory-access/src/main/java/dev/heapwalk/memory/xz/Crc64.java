// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.xz;

/** The checksum that the standard ECMA-182 describes, with its bits reversed. */
final class Crc64 {
    private static final long POLYNOMIAL = 0xc96c5795d7870f42L;
    private static final long[] TABLE = new long[256];

    static {
        for (int i = 0; i < TABLE.length; i++) {
            long value = i;
            for (int bit = 0; bit < Byte.SIZE; bit++) {
                value = value >>> 1 ^ ((value & 1) != 0 ? POLYNOMIAL : 0);
            }
            TABLE[i] = value;
        }
    }

    private Crc64() {}

    static long of(byte[] bytes, int from, int length) {
        long value = -1;
        for (int i = from; i < from + length; i++) {
            value = TABLE[(int) (value ^ bytes[i]) & 0xff] ^ value >>> Byte.SIZE;
        }
        return ~value;
    }
}
