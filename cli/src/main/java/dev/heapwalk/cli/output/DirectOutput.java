// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import java.io.IOException;
import java.io.OutputStream;

/** What is written in place, without a buffer: standard output, a pipe, a device. */
class DirectOutput extends OutputStream {
    /** What a pipe takes at once, in bytes. */
    static final int PIECE = 1 << 16;

    private final OutputStream stream;
    private long taken;

    DirectOutput(OutputStream stream) {
        this.stream = stream;
    }

    /** How many bytes were taken, but for the beginning of a piece that was not taken whole. */
    final long taken() {
        return taken;
    }

    @Override
    public final void write(int value) {
        write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public final void write(byte[] bytes, int offset, int length) {
        try {
            for (int done = 0; done < length; ) {
                int some = Math.min(PIECE, length - done);
                stream.write(bytes, offset + done, some);
                done += some;
                taken += some;
            }
        } catch (IOException e) {
            throw new Output.WriteException(e);
        }
    }

    /** Closes a descriptor of our own. */
    @Override
    public void close() throws IOException {
        stream.close();
    }
}
