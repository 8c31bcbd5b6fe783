// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import java.io.FileDescriptor;
import java.io.FileOutputStream;

/** Standard output, without a buffer; closing it does nothing, since the descriptor is the process's. */
public final class StandardOutput extends DirectOutput {

    /** Writes to descriptor 1, whatever that is. */
    public StandardOutput() {
        super(new FileOutputStream(FileDescriptor.out));
    }

    @Override
    public void close() {}
}
