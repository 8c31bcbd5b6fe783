// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.raw;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The layouts that target memory is read with: little-endian, at any alignment, held in constants so that the compiler
 * folds them.
 */
public final class Words {
    /** One byte. */
    public static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
    /** 16 bits. */
    public static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    /** 32 bits. */
    public static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    /** 64 bits. */
    public static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Words() {}
}
