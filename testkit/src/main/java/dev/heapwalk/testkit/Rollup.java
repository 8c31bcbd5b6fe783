// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** What the kernel counts of a process's memory: {@code /proc/PID/smaps_rollup}. */
public final class Rollup {
    private Rollup() {}

    /**
     * Reads the counts.
     *
     * @param pid the process
     * @return bytes by name, such as {@code Rss}
     * @throws IOException if they can't be read
     */
    public static Map<String, Long> of(long pid) throws IOException {
        return amounts(Path.of("/proc/%d/smaps_rollup".formatted(pid)));
    }

    /**
     * Reads the amounts of {@code /proc/PID/status}.
     *
     * @param pid the process
     * @return bytes by name, such as {@code VmRSS}
     * @throws IOException if they can't be read
     */
    public static Map<String, Long> status(long pid) throws IOException {
        return amounts(Path.of("/proc/%d/status".formatted(pid)));
    }

    private static Map<String, Long> amounts(Path file) throws IOException {
        Map<String, Long> counts = new HashMap<>();
        for (String line : Files.readAllLines(file)) {
            String[] words = line.split(":?\\s+");
            if (words.length == 3 && words[2].equals("kB")) {
                counts.put(words[0], Long.parseLong(words[1]) * 1024);
            }
        }
        return counts;
    }
}
