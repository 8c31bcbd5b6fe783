// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit.fuzz;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.Deque;

/** A core file that is changed in place, and can be had back as it was. */
final class CoreFile implements AutoCloseable, Elf.Bytes {
    private static final ValueLayout.OfLong WORD = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** What stood somewhere before it was changed. */
    private record Before(long at, byte[] bytes) {}

    private final Arena arena = Arena.ofShared();
    private final MemorySegment file;
    private final Elf elf;
    private final Deque<Before> before = new ArrayDeque<>();

    CoreFile(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            file = channel.map(FileChannel.MapMode.READ_WRITE, 0, channel.size(), arena);
        }
        elf = new Elf(this);
    }

    Elf elf() {
        return elf;
    }

    @Override
    public long size() {
        return file.byteSize();
    }

    @Override
    public byte[] bytes(long at, int length) {
        byte[] bytes = new byte[length];
        MemorySegment.copy(file, ValueLayout.JAVA_BYTE, at, bytes, 0, length);
        return bytes;
    }

    long word(long at) {
        return file.get(WORD, at);
    }

    /** The word at an address of the process; 0 if the core does not have it. */
    long wordAt(long address) {
        long at = elf.offset(address);
        return at < 0 ? 0 : word(at);
    }

    /** Changes the low bytes of what stands at an offset. What goes beyond the file is left. */
    void set(long at, int width, long value) {
        byte[] bytes = new byte[width];
        for (int i = 0; i < width; i++) {
            bytes[i] = (byte) (value >>> 8 * i);
        }
        set(at, bytes);
    }

    void set(long at, byte[] bytes) {
        int length = (int) Math.min(bytes.length, size() - at);
        before.push(new Before(at, bytes(at, length)));
        MemorySegment.copy(bytes, 0, file, ValueLayout.JAVA_BYTE, at, length);
    }

    /** Puts back all that stood there before it was changed. */
    void restore() {
        while (!before.isEmpty()) {
            Before last = before.pop();
            MemorySegment.copy(last.bytes(), 0, file, ValueLayout.JAVA_BYTE, last.at(), last.bytes().length);
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
