// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.core;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** A file with holes where zeros are. */
final class SparseFile implements CoreOutput {
    private final FileChannel file;
    private long position;
    private boolean endsInHole;

    SparseFile(FileChannel file) {
        this.file = file;
    }

    @Override
    public void write(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            position += file.write(bytes, position);
        }
        endsInHole = false;
    }

    @Override
    public void zeros(long length) {
        position += length;
        endsInHole = length > 0;
    }

    @Override
    public void end() throws IOException {
        if (endsInHole) {
            file.write(ByteBuffer.allocate(1), position - 1);
        }
    }
}
