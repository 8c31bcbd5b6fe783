// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.owned;

/** Takes the buffers that an object owns, one by one. */
@FunctionalInterface
public interface BufferSink {

    /**
     * Takes a buffer.
     *
     * @param address target address of its first byte, as Python asked for it: behind a head for debugging
     * @param bytes how many bytes Python asked for
     * @param kind what it is
     */
    void buffer(long address, long bytes, BufferKind kind);
}
