// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;

/** Standard output, without a buffer; closing it does nothing. */
public final class StandardOutput extends OutputStream {
    /** What a pipe takes at once, in bytes. */
    private static final int PIECE = 1 << 16;

    // Not closed: the descriptor is the process's.
    private final FileOutputStream stream = new FileOutputStream(FileDescriptor.out);
    private long taken;

    /** How many bytes were taken, but for the beginning of a piece that was not taken whole. */
    public long taken() {
        return taken;
    }

    @Override
    public void write(int value) {
        write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) {
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
}
