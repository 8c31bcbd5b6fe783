// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import java.util.OptionalLong;

/**
 * That a core file ends before what its headers tell of does, as one on a full disk or of a limited size.
 *
 * @param size how many bytes the file has
 * @param wanted how many it would have as a whole, if its headers tell
 */
public record Truncation(long size, OptionalLong wanted) {

    /** Says it in English, for example {@code cut off at 4096 of 81920 bytes}. */
    @Override
    public String toString() {
        return wanted.isPresent()
                ? "cut off at %d of %d bytes".formatted(size, wanted.getAsLong())
                : "cut off at %d bytes".formatted(size);
    }
}
