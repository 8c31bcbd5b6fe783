// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Huge pages that are reserved for as long as this is open, where the kernel and the user's rights allow it.
 *
 * @param before how many there were before, -1 if none could be reserved
 * @param enough whether there are as many as were asked for
 * @param turn an open file whose lock keeps others from reserving some meanwhile: whoever ended first would take them away
 */
public record HugePages(long before, boolean enough, FileChannel turn) implements AutoCloseable {
    private static final Path LOCK = Path.of(
            System.getProperty("java.io.tmpdir"), "heapwalk-huge-pages-" + System.getProperty("user.name") + ".lock");
    private static final Path NUMBER = Path.of("/proc/sys/vm/nr_hugepages");

    /**
     * Reserves some.
     *
     * @param pages how many
     * @return to be closed
     * @throws IOException if no file can be made
     */
    public static HugePages reserve(int pages) throws IOException {
        FileChannel turn = FileChannel.open(LOCK, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            turn.lock();
            long before = number();
            Files.writeString(NUMBER, (before + pages) + "\n");
            return new HugePages(before, number() >= before + pages, turn);
        } catch (IOException e) {
            return new HugePages(-1, false, turn);
        }
    }

    private static long number() throws IOException {
        // In one read: there is nothing left for a second one.
        byte[] text = new byte[32];
        try (InputStream in = Files.newInputStream(NUMBER)) {
            return Long.parseLong(new String(text, 0, in.read(text), StandardCharsets.US_ASCII).strip());
        }
    }

    @Override
    public void close() throws IOException {
        try (turn) {
            if (before >= 0) {
                Files.writeString(NUMBER, before + "\n");
            }
        }
    }
}
