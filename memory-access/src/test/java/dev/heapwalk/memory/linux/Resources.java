// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * What a process has of the kernel.
 *
 * @param descriptors open files
 * @param mappings ranges of memory
 * @param threads its threads
 * @param resident memory of its own that is resident, in KiB
 */
record Resources(long descriptors, long mappings, long threads, long resident) {
    /** What a program that makes and ends threads and children all the while has more at one moment than at another. */
    private static final Resources PLAY = new Resources(40, 60, 20, 16 << 10);

    /**
     * Asks the kernel.
     *
     * @param pid a process
     * @return what it has at this moment
     * @throws IOException if it is gone
     */
    static Resources of(long pid) throws IOException {
        Path proc = Path.of("/proc/" + pid);
        try (Stream<Path> descriptors = Files.list(proc.resolve("fd"));
                Stream<String> mappings = Files.lines(proc.resolve("maps"), StandardCharsets.ISO_8859_1)) {
            return new Resources(
                    descriptors.count(), mappings.count(), status(proc, "Threads:"), status(proc, "RssAnon:"));
        }
    }

    /** What {@link #toString()} says. */
    static Resources parse(String said) {
        String[] words = said.split(" ");
        return new Resources(
                Long.parseLong(words[1]), Long.parseLong(words[3]), Long.parseLong(words[5]), Long.parseLong(words[7]));
    }

    /** Whether these are more than others, by more than they go up and down by themselves. */
    boolean grewFrom(Resources before) {
        return descriptors > before.descriptors + PLAY.descriptors
                || mappings > before.mappings + PLAY.mappings
                || threads > before.threads + PLAY.threads
                || resident > before.resident + PLAY.resident;
    }

    private static long status(Path proc, String field) throws IOException {
        try (Stream<String> lines = Files.lines(proc.resolve("status"), StandardCharsets.ISO_8859_1)) {
            return lines.filter(line -> line.startsWith(field))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                    .findFirst()
                    .orElseThrow();
        }
    }

    @Override
    public String toString() {
        return "descriptors " + descriptors + " mappings " + mappings + " threads " + threads + " KiB " + resident;
    }
}
