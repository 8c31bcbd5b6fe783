// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.struct.Words;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** Changes words of a core file by the addresses that they had. Reads the program headers itself. */
final class CoreEditor implements AutoCloseable {
    private static final int PT_LOAD = 1;

    private record Load(long address, long offset, long size) {}

    private final Arena arena = Arena.ofShared();
    private final MemorySegment file;
    private final List<Load> loads = new ArrayList<>();

    CoreEditor(Path core) throws IOException {
        try (FileChannel channel = FileChannel.open(core, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            file = channel.map(FileChannel.MapMode.READ_WRITE, 0, channel.size(), arena);
        }
        long headers = file.get(Words.LONG, 32);
        int count = file.get(Words.SHORT, 56) & 0xffff;
        for (long at = headers; at < headers + 56L * count; at += 56) {
            if (file.get(Words.INT, at) == PT_LOAD) {
                loads.add(new Load(file.get(Words.LONG, at + 16), file.get(Words.LONG, at + 8), file.get(Words.LONG, at + 32)));
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

    long word(long address) {
        return file.get(Words.LONG, offset(address));
    }

    void set(long address, long value) {
        file.set(Words.LONG, offset(address), value);
    }

    @Override
    public void close() {
        arena.close();
    }
}
