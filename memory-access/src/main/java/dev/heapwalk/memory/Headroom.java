// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** How much more a process can have, without making others lose theirs. */
public final class Headroom {
    private static final long KIB = 1024;

    private final Path root;
    private final String process;

    /**
     * That of this process.
     *
     * @param root the root of the machine's file system, with {@code /proc} and {@code /sys}
     */
    public Headroom(Path root) {
        this(root, "self");
    }

    /**
     * That of another process.
     *
     * @param root the root of the machine's file system
     * @param pid its id there
     */
    public Headroom(Path root, long pid) {
        this(root, Long.toString(pid));
    }

    private Headroom(Path root, String process) {
        this.root = root;
        this.process = process;
    }

    /**
     * How much memory: what the machine has to give, and no more than the control groups of the process let it have.
     *
     * @return bytes
     */
    public long memory() {
        long least = machine();
        for (Path group : groups("memory")) {
            least = Math.min(least, left(group, "memory.max", "memory.current", "inactive_file"));
            // Above this one nothing is refused, but the kernel holds back each process of the group.
            least = Math.min(least, left(group, "memory.high", "memory.current", "inactive_file"));
            least = Math.min(
                    least, left(group, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"));
        }
        return Math.max(0, least);
    }

    /**
     * How many more processes and threads its control groups let it have.
     *
     * @return how many; {@link Long#MAX_VALUE} where they tell no limit
     */
    public long processes() {
        long least = Long.MAX_VALUE;
        for (Path group : groups("pids")) {
            least = Math.min(least, left(group, "pids.max", "pids.current", ""));
        }
        return Math.max(0, least);
    }

    /** The control groups that a controller counts the process in, from the innermost on. */
    private List<Path> groups(String controller) {
        List<Path> groups = new ArrayList<>();
        for (String line : lines(root.resolve("proc").resolve(process).resolve("cgroup"))) {
            // Of version 2: 0::/path
            boolean unified = line.startsWith("0::/");
            if (unified || line.matches("[0-9]+:([^:]*,)?" + controller + "(,[^:]*)?:.*")) {
                Path base = root.resolve("sys/fs/cgroup").resolve(unified ? "" : controller);
                Path group =
                        base.resolve(line.replaceFirst("[^:]*:[^:]*:/*", "")).normalize();
                for (; group.startsWith(base); group = group.getParent()) {
                    groups.add(group);
                }
            }
        }
        return groups;
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
        if (files.isEmpty()) {
            return number(most.getFirst()) - number(now.getFirst());
        }
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
