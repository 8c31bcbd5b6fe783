// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** Writes cores of x86-64 that no kernel would write. */
final class CoreBuilder {
    private record Segment(int type, long offset, long address, long fileSize, long memorySize) {}

    private final List<Segment> segments = new ArrayList<>();
    private final List<byte[]> contents = new ArrayList<>();
    private boolean extendedCount;

    /** A segment whose content lies in the file where it says. */
    CoreBuilder load(long offset, long address, long memorySize, byte[] content) {
        segments.add(new Segment(1, offset, address, content.length, memorySize));
        contents.add(content);
        return this;
    }

    /** A header that says what it likes. */
    CoreBuilder claim(long offset, long address, long fileSize, long memorySize) {
        segments.add(new Segment(1, offset, address, fileSize, memorySize));
        contents.add(null);
        return this;
    }

    /** Puts the count of the program headers where one goes that needs more than 16 bits. */
    CoreBuilder extendedCount() {
        extendedCount = true;
        return this;
    }

    Path write(Path file) throws IOException {
        ByteBuffer head = ByteBuffer.allocate(64 + 64 + 56 * segments.size()).order(ByteOrder.LITTLE_ENDIAN);
        head.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1}).position(16);
        head.putShort((short) 4)
                .putShort((short) 62)
                .putInt(1)
                .putLong(0)
                .putLong(128)
                .putLong(64)
                .putInt(0);
        head.putShort((short) 64).putShort((short) 56);
        head.putShort((short) (extendedCount ? 0xffff : segments.size()));
        head.putShort((short) 64).putShort((short) (extendedCount ? 1 : 0)).putShort((short) 0);
        head.position(64 + 44).putInt(segments.size()).position(128);
        for (Segment segment : segments) {
            head.putInt(segment.type)
                    .putInt(6)
                    .putLong(segment.offset)
                    .putLong(segment.address)
                    .putLong(0);
            head.putLong(segment.fileSize).putLong(segment.memorySize).putLong(4096);
        }
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW, StandardOpenOption.SPARSE)) {
            channel.write(head.flip().limit(head.capacity()), 0);
            for (int i = 0; i < contents.size(); i++) {
                if (contents.get(i) != null) {
                    channel.write(ByteBuffer.wrap(contents.get(i)), segments.get(i).offset);
                }
            }
        }
        return file;
    }
}
