// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** How much memory this process can still have, without making others lose theirs. */
final class AvailableMemory {
    private static final long KIB = 1024;

    private final Path root;

    /**
     * Looks at a machine.
     *
     * @param root the root of its file system, with {@code /proc} and {@code /sys}
     */
    AvailableMemory(Path root) {
        this.root = root;
    }

    /** That in bytes: what the machine has to give, and no more than the control groups of this process let it have. */
    long bytes() {
        long least = machine();
        for (String line : lines(root.resolve("proc/self/cgroup"))) {
            // Of version 2: 0::/path
            if (line.startsWith("0::/")) {
                Path base = root.resolve("sys/fs/cgroup");
                for (Path group = base.resolve(line.substring("0::/".length())).normalize();
                        group.startsWith(base);
                        group = group.getParent()) {
                    least = Math.min(least, left(group, "memory.max", "memory.current", "inactive_file"));
                }
            } else if (line.matches("[0-9]+:([^:]*,)?memory(,[^:]*)?:.*")) {
                Path base = root.resolve("sys/fs/cgroup/memory");
                Path group =
                        base.resolve(line.replaceFirst("[^:]*:[^:]*:/*", "")).normalize();
                for (; group.startsWith(base); group = group.getParent()) {
                    least = Math.min(
                            least,
                            left(group, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"));
                }
            }
        }
        return Math.max(0, least);
    }

    private long machine() {
        for (String line : lines(root.resolve("proc/meminfo"))) {
            if (line.startsWith("MemAvailable:")) {
                return number(line.replaceAll("[^0-9]", "")) * KIB;
            }
        }
        return 0;
    }

    /** What a control group has left; what it uses for files it can give up. */
    private static long left(Path group, String limit, String used, String files) {
        List<String> most = lines(group.resolve(limit));
        List<String> now = lines(group.resolve(used));
        if (most.isEmpty() || now.isEmpty() || most.getFirst().equals("max")) {
            return Long.MAX_VALUE;
        }
        long cached = 0;
        for (String line : lines(group.resolve("memory.stat"))) {
            if (line.startsWith(files + " ")) {
                cached = number(line.substring(files.length() + 1));
            }
        }
        return number(most.getFirst()) - number(now.getFirst()) + cached;
    }

    private static long number(String text) {
        try {
            return Long.parseLong(text.strip());
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (IOException e) {
            // No such controller, or no such version of it.
            return List.of();
        }
    }
}
