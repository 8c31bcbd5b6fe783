// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.core;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** Where the bytes of a core go, from the first to the last. For one thread at a time. */
public interface CoreOutput {

    /**
     * Writes bytes.
     *
     * @param bytes all that remain in it
     * @throws IOException if they can't be written
     */
    void write(ByteBuffer bytes) throws IOException;

    /**
     * Writes zeros.
     *
     * @param length how many bytes
     * @throws IOException if they can't be written
     */
    void zeros(long length) throws IOException;

    /**
     * Ends the core.
     *
     * @throws IOException if what was left can't be written
     */
    void end() throws IOException;

    /**
     * Writes to a file, in which zeros take no room: it has holes there.
     *
     * @param file an empty file, written from its beginning; not closed
     * @return where bytes go
     */
    static CoreOutput to(FileChannel file) {
        return new SparseFile(file);
    }

    /**
     * Writes to a stream, all zeros as they are.
     *
     * @param stream takes them; not closed, nor flushed before the end
     * @return where bytes go
     */
    static CoreOutput to(OutputStream stream) {
        return new StreamOutput(stream);
    }
}
