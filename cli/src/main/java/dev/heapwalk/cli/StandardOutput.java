// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;

/** Standard output, without a buffer; closing it does nothing. */
final class StandardOutput extends OutputStream {
    // Not closed: the descriptor is the process's.
    private final FileOutputStream stream = new FileOutputStream(FileDescriptor.out);

    @Override
    public void write(int value) {
        write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) {
        try {
            stream.write(bytes, offset, length);
        } catch (IOException e) {
            throw new Output.WriteException(e);
        }
    }
}
