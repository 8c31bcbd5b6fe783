// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.core;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;

/** A stream, which gets all zeros. */
final class StreamOutput implements CoreOutput {
    private static final int PIECE = 1 << 16;

    private final OutputStream stream;
    private final byte[] piece = new byte[PIECE];
    private final byte[] zeros = new byte[PIECE];

    StreamOutput(OutputStream stream) {
        this.stream = stream;
    }

    @Override
    public void write(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            int some = Math.min(PIECE, bytes.remaining());
            bytes.get(piece, 0, some);
            stream.write(piece, 0, some);
        }
    }

    @Override
    public void zeros(long length) throws IOException {
        for (long left = length; left > 0; ) {
            int some = (int) Math.min(PIECE, left);
            stream.write(zeros, 0, some);
            left -= some;
        }
    }

    @Override
    public void end() throws IOException {
        stream.flush();
    }
}
