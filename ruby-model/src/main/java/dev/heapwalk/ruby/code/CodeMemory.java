// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.code;

/** Where the code of a function, and the data that it looks at, are read from. */
@FunctionalInterface
public interface CodeMemory {
    /**
     * Copies bytes of the target.
     *
     * @param address target address of the first byte; any number at all, since hostile code may have computed it
     * @param bytes receives them, from its start
     * @param length how many, at most 16
     * @return whether all of them could be read
     */
    boolean read(long address, byte[] bytes, int length);
}
