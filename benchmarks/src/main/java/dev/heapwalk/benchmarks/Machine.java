// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** What figures depend on besides the code. */
final class Machine {
    private Machine() {}

    /** Processors, memory, kernel, system, JDK and compiler in a line. */
    static String description() throws IOException {
        String processor = value("/proc/cpuinfo", "model name");
        double gib = Long.parseLong(value("/proc/meminfo", "MemTotal").split(" ")[0]) / 1048576.0;
        return String.format(
                Locale.ROOT,
                "%d × %s, %.0f GiB, Linux %s, %s, Java %s (%s), %s",
                Runtime.getRuntime().availableProcessors(),
                processor,
                gib,
                System.getProperty("os.version").replaceFirst("[^0-9.].*", ""),
                value("/etc/os-release", "PRETTY_NAME").replace("\"", ""),
                Runtime.version().toString().replaceFirst("\\+.*", ""),
                System.getProperty("java.vendor"),
                output(List.of("gcc", "--version")).replaceFirst("\\s*\\(.*?\\)", ""));
    }

    /**
     * The load average of the minute before {@code script/bench} began, whose build is a load too; else of that before
     * now.
     */
    static double loadBefore() throws IOException {
        String before = System.getProperty("load", Files.readString(Path.of("/proc/loadavg")));
        return Double.parseDouble(before.split(" ")[0]);
    }

    /** The commit that was built, with a mark if sources were changed since. */
    static String commit() throws IOException {
        String commit = output(List.of("git", "rev-parse", "--short=10", "HEAD"));
        String changed = output(
                List.of("git", "status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs", ":!*.json"));
        return changed.isEmpty() ? commit : commit + " and changes";
    }

    private static String value(String file, String key) throws IOException {
        try (Stream<String> lines = Files.lines(Path.of(file))) {
            return lines.filter(line -> line.startsWith(key))
                    .map(line -> line.substring(key.length())
                            .replaceFirst("^\\s*[:=]\\s*", "")
                            .strip())
                    .findFirst()
                    .orElse("unknown");
        }
    }

    /** The first line that a program prints; empty if there is none. */
    private static String output(List<String> command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                .lines()
                .findFirst()
                .orElse("");
    }
}
