// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

/** Takes references one by one. It must not read through the reader that they come from. */
@FunctionalInterface
public interface ReferenceSink {
    /**
     * Takes a reference.
     *
     * @param address target address of a slot
     */
    void reference(long address);
}
