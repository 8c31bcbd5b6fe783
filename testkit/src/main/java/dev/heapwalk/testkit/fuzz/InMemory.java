// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit.fuzz;

import java.util.Arrays;

/**
 * A file that was read whole.
 *
 * @param content its bytes
 */
record InMemory(byte[] content) implements Elf.Bytes {
    @Override
    public long size() {
        return content.length;
    }

    @Override
    public byte[] bytes(long at, int length) {
        return Arrays.copyOfRange(content, Math.toIntExact(at), Math.toIntExact(at + length));
    }
}
