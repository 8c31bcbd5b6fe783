// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Huge pages that are reserved for as long as this is open, where the kernel and the user's rights allow it.
 *
 * @param before how many there were before, -1 if none could be reserved
 * @param enough whether there are as many as were asked for
 */
public record HugePages(long before, boolean enough) implements AutoCloseable {
    private static final Path NUMBER = Path.of("/proc/sys/vm/nr_hugepages");

    /**
     * Reserves some.
     *
     * @param pages how many
     * @return to be closed
     */
    public static HugePages reserve(int pages) {
        try {
            long before = number();
            Files.writeString(NUMBER, (before + pages) + "\n");
            return new HugePages(before, number() >= before + pages);
        } catch (IOException e) {
            return new HugePages(-1, false);
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
        if (before >= 0) {
            Files.writeString(NUMBER, before + "\n");
        }
    }
}
