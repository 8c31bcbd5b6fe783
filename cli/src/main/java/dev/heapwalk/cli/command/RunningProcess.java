// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Bytes;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A process that may be read: it has memory of its own, and is not this one.
 *
 * @param pid its id
 * @param name what the kernel calls it ({@code comm})
 * @param program the base name of the file that it runs
 * @param line its command line, with spaces between the words
 * @param residentBytes how much memory it has in RAM
 */
record RunningProcess(long pid, String name, String program, String line, long residentBytes) {
    private static final Path PROC = Path.of("/proc");
    private static final String DELETED = " (deleted)";
    private static final Pattern RESIDENT = Pattern.compile("^VmRSS:\\s*([0-9]+) kB$", Pattern.MULTILINE);
    private static final int MOST_ALIKE = 3;
    private static final int SHORTEST_PART = 3;

    /** The processes that have a name, by their ids: it is exactly what the kernel or the file says. */
    static List<RunningProcess> named(String name) {
        return list(one -> one.name.equals(name) || one.program.equals(name));
    }

    /** A few whose names have a word in them, or are in it. */
    static List<RunningProcess> like(String word) {
        if (word.length() < SHORTEST_PART) {
            return List.of();
        }
        return list(one -> one.name.contains(word) || one.program.contains(word)).stream()
                .limit(MOST_ALIKE)
                .toList();
    }

    private static List<RunningProcess> list(Predicate<RunningProcess> wanted) {
        long self = ProcessHandle.current().pid();
        List<RunningProcess> found = new ArrayList<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(PROC, "[0-9]*")) {
            for (Path folder : all) {
                of(folder).filter(one -> one.pid != self).filter(wanted).ifPresent(found::add);
            }
        } catch (IOException e) {
            // Without /proc no process can be read at all, which is told where one is opened.
            return List.of();
        }
        found.sort(Comparator.comparingLong(RunningProcess::pid));
        return found;
    }

    /** Empty for a zombie, a thread of the kernel, and what has ended. */
    private static Optional<RunningProcess> of(Path folder) {
        try {
            Matcher resident = RESIDENT.matcher(read(folder.resolve("status")));
            if (!resident.find()) {
                return Optional.empty();
            }
            String[] words = read(folder.resolve("cmdline")).split("\0");
            return Optional.of(new RunningProcess(
                    Long.parseLong(folder.getFileName().toString()),
                    read(folder.resolve("comm")).stripTrailing(),
                    program(folder, words[0]),
                    String.join(" ", words),
                    Long.parseLong(resident.group(1)) << 10));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static String program(Path folder, String first) {
        String file;
        try {
            file = Files.readSymbolicLink(folder.resolve("exe")).toString();
        } catch (IOException e) {
            // That takes the permission to trace it; what it was started as does not.
            file = first;
        }
        if (file.endsWith(DELETED)) {
            file = file.substring(0, file.length() - DELETED.length());
        }
        return file.substring(file.lastIndexOf('/') + 1);
    }

    private static String read(Path file) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    }

    /** Lines that list processes for a person. */
    static Stream<String> lines(List<RunningProcess> processes, int most) {
        Stream<String> head = Stream.of("%8s  %10s  %s".formatted("PID", "RSS", "COMMAND"));
        return Stream.concat(
                head,
                processes.stream()
                        .map(one -> "%8d  %10s  %s"
                                .formatted(
                                        one.pid,
                                        Bytes.text(one.residentBytes),
                                        one.line.length() > most ? one.line.substring(0, most) + "…" : one.line)));
    }
}
