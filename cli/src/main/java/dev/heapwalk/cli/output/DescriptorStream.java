// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Writes to a descriptor itself. To open what it is under the name that {@code /proc} has for it would begin a file
 * again at its first byte, and is not permitted for a terminal or a pipe of another user.
 */
final class DescriptorStream extends OutputStream {
    private final Descriptor descriptor;
    private final MemorySegment buffer = Arena.ofAuto().allocate(DirectOutput.PIECE);

    DescriptorStream(Descriptor descriptor) {
        this.descriptor = descriptor;
    }

    @Override
    public void write(int value) throws IOException {
        write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        for (int done = 0; done < length; ) {
            int some = (int) Math.min(buffer.byteSize(), length - done);
            MemorySegment.copy(bytes, offset + done, buffer, ValueLayout.JAVA_BYTE, 0, some);
            for (long taken = 0; taken < some; ) {
                taken += descriptor.write(buffer.asSlice(taken), some - taken);
            }
            done += some;
        }
    }

    @Override
    public void close() {
        descriptor.close();
    }
}
