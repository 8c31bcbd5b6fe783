// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

/**
 * A range of target addresses.
 *
 * @param start the first address
 * @param end the address behind the last byte
 */
public record Range(long start, long end) {

    /**
     * The size of the range.
     *
     * @return bytes
     */
    public long length() {
        return end - start;
    }

    /**
     * Whether the range holds an address.
     *
     * @param address a target address
     * @return whether it does
     */
    public boolean contains(long address) {
        return Long.compareUnsigned(address - start, end - start) < 0;
    }

    @Override
    public String toString() {
        return "0x%x-0x%x".formatted(start, end);
    }
}
