// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit.fuzz;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.Stream;

/** Copies and removes folders. */
final class Folders {
    private static final int PIECE = 1 << 14;
    private static final long MOST = 1 << 30;
    private static final byte[] NOTHING = new byte[PIECE];

    private Folders() {}

    /** Copies a file, with holes where it has zeros alone. */
    static void copySparse(Path from, Path to) throws IOException {
        // It skips the holes that are there already.
        Tool.run("cp", "--sparse=always", from.toString(), to.toString());
    }

    static void copySparse(InputStream in, Path to) throws IOException {
        try (FileChannel channel = FileChannel.open(
                to, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SPARSE)) {
            long at = 0;
            byte[] piece = new byte[PIECE];
            for (int length; (length = in.readNBytes(piece, 0, PIECE)) > 0; at += length) {
                if (!Arrays.equals(piece, 0, length, NOTHING, 0, length)) {
                    channel.write(ByteBuffer.wrap(piece, 0, length), at);
                }
            }
            if (channel.size() < at) {
                channel.write(ByteBuffer.wrap(NOTHING, 0, 1), at - 1);
            }
        }
    }

    /** Copies regular files, but for huge ones, with their folders. */
    static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Path copy = to.resolve(from.relativize(file).toString());
                if (Files.isDirectory(file)) {
                    Files.createDirectories(copy);
                } else if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) && Files.size(file) <= MOST) {
                    Files.copy(file, copy);
                }
            }
        }
    }

    static void delete(Path folder) throws IOException {
        if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
