// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * Changes words of a 64-bit little-endian core file by the addresses that they had. Reads the program headers itself.
 */
public final class CoreEditor implements AutoCloseable {
    private static final int PT_LOAD = 1;
    private static final ValueLayout.OfLong WORD = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt HALF = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort QUARTER =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private record Load(long address, long offset, long size) {}

    private final Arena arena = Arena.ofShared();
    private final MemorySegment file;
    private final List<Load> loads = new ArrayList<>();

    /**
     * Maps a core file, to be changed.
     *
     * @param core the file
     * @throws IOException if it can't be opened
     */
    public CoreEditor(Path core) throws IOException {
        try (FileChannel channel = FileChannel.open(core, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            file = channel.map(FileChannel.MapMode.READ_WRITE, 0, channel.size(), arena);
        }
        long headers = file.get(WORD, 32);
        int count = file.get(QUARTER, 56) & 0xffff;
        for (long at = headers; at < headers + 56L * count; at += 56) {
            if (file.get(HALF, at) == PT_LOAD) {
                loads.add(new Load(file.get(WORD, at + 16), file.get(WORD, at + 8), file.get(WORD, at + 32)));
            }
        }
    }

    private long offset(long address) {
        for (Load load : loads) {
            if (address >= load.address() && address - load.address() < load.size()) {
                return load.offset() + address - load.address();
            }
        }
        throw new IllegalArgumentException("0x%x is not in the core".formatted(address));
    }

    /**
     * Reads a word.
     *
     * @param address the address that it had in the process
     * @return the word
     */
    public long word(long address) {
        return file.get(WORD, offset(address));
    }

    /**
     * Changes a word.
     *
     * @param address the address that it had in the process
     * @param value the word to put there
     */
    public void set(long address, long value) {
        file.set(WORD, offset(address), value);
    }

    @Override
    public void close() {
        arena.close();
    }
}
