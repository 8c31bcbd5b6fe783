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
    private static final int PT_NOTE = 4;
    private static final int PF_W = 2;
    private static final int NT_FILE = 0x46494c45;
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

    /**
     * Leaves out all that nobody could write to: with the build ids of files, and what the dynamic linker wrote, so that
     * it can't be told which file was mapped.
     */
    public void forgetConstants() {
        long headers = file.get(WORD, 32);
        int count = file.get(QUARTER, 56) & 0xffff;
        for (long at = headers; at < headers + 56L * count; at += 56) {
            if (file.get(HALF, at) == PT_LOAD && (file.get(HALF, at + 4) & PF_W) == 0) {
                file.set(WORD, at + 32, 0);
            }
        }
    }

    /**
     * Leaves out what older gdbs do: neither a segment nor the list of files tells of what was not written.
     *
     * @param files whether the list of files stays, for what was written
     */
    public void forgetUnwritten(boolean files) {
        long headers = file.get(WORD, 32);
        int count = file.get(QUARTER, 56) & 0xffff;
        for (long at = headers; at < headers + 56L * count; at += 56) {
            int type = file.get(HALF, at);
            if (type == PT_LOAD && file.get(WORD, at + 32) == 0) {
                file.set(HALF, at, 0);
            } else if (type == PT_NOTE) {
                forgetFiles(file.get(WORD, at + 8), file.get(WORD, at + 32), files);
            }
        }
    }

    private void forgetFiles(long start, long size, boolean keepsWritten) {
        for (long at = start; at < start + size; ) {
            long name = (file.get(HALF, at) + 3L) & -4;
            long content = (file.get(HALF, at + 4) + 3L) & -4;
            if (file.get(HALF, at + 8) == NT_FILE) {
                long entries = at + 12 + name;
                for (long i = 0; i < file.get(WORD, entries); i++) {
                    long entry = entries + 16 + 24 * i;
                    if (!keepsWritten || !isWritten(file.get(WORD, entry))) {
                        file.set(WORD, entry, 0);
                        file.set(WORD, entry + 8, 0);
                    }
                }
            }
            at += 12 + name + content;
        }
    }

    private boolean isWritten(long address) {
        return loads.stream().anyMatch(load -> address >= load.address() && address - load.address() < load.size());
    }

    @Override
    public void close() {
        arena.close();
    }
}
