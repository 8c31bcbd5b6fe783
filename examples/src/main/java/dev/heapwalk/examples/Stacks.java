// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.examples;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Counts stacks, and writes them as collapsed stacks and in the file format of speedscope. */
final class Stacks {
    private static final int ROWS = 10;

    /** A place in a program. */
    record Frame(String label, Optional<String> file, int line) {}

    /** What is counted where no frame is certain. */
    private static final List<Frame> NONE = List.of(new Frame("(none)", Optional.empty(), 0));

    private final Map<List<Frame>, Long> counts = new LinkedHashMap<>();
    private long total;
    private long torn;

    /** Counts a stack, the outermost frame first; a torn one lacks its innermost frames. */
    void add(List<Frame> stack, boolean isTorn) {
        counts.merge(stack.isEmpty() ? NONE : List.copyOf(stack), 1L, Long::sum);
        total++;
        torn += isTorn ? 1 : 0;
    }

    /** Writes {@code output.collapsed} and {@code output.speedscope.json}. */
    void write(Path output, String name, double secondsPerSample) throws IOException {
        Map<String, Long> collapsed = new LinkedHashMap<>();
        counts.forEach((stack, count) -> collapsed.merge(
                stack.stream().map(frame -> frame.label().replace(';', ':')).collect(Collectors.joining(";")), count, Long::sum));
        Files.write(Path.of(output + ".collapsed"), collapsed.entrySet().stream()
                .map(entry -> entry.getKey() + " " + entry.getValue())
                .toList());

        Map<Frame, Integer> indexes = new LinkedHashMap<>();
        String samples = counts.keySet().stream()
                .map(stack -> stack.stream()
                        .map(frame -> indexes.computeIfAbsent(frame, added -> indexes.size()).toString())
                        .collect(Collectors.joining(",", "[", "]")))
                .collect(Collectors.joining(","));
        String weights = counts.values().stream()
                .map(count -> Double.toString(count * secondsPerSample))
                .collect(Collectors.joining(","));
        String frames = indexes.keySet().stream()
                .map(frame -> "{\"name\":" + quote(frame.label())
                        + frame.file().map(file -> ",\"file\":" + quote(file)).orElse("")
                        + (frame.line() == 0 ? "" : ",\"line\":" + frame.line()) + "}")
                .collect(Collectors.joining(",\n"));
        Files.writeString(Path.of(output + ".speedscope.json"), """
                {"$schema":"https://www.speedscope.app/file-format-schema.json",
                "shared":{"frames":[%s]},
                "profiles":[{"type":"sampled","name":%s,"unit":"seconds","startValue":0,"endValue":%s,
                "samples":[%s],
                "weights":[%s]}]}
                """.formatted(frames, quote(name), Double.toString(total * secondsPerSample), samples, weights));
    }

    private static String quote(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            quoted.append(c == '"' || c == '\\' ? "\\" + c : c < ' ' ? "\\u%04x".formatted((int) c) : String.valueOf(c));
        }
        return quoted.append('"').toString();
    }

    /**
     * Prints where the time went, with the error that is left: two standard errors of a share, and the torn samples.
     */
    void print(Pace pace) {
        System.out.printf("%d of %d samples taken, %d stacks, %d torn (%.1f %%)%n",
                pace.taken(), pace.due(), total, torn, 100.0 * torn / Math.max(1, total));
        Map<String, Long> self = new HashMap<>();
        counts.forEach((stack, count) -> self.merge(stack.getLast().label(), count, Long::sum));
        System.out.printf("%8s %8s  %s%n", "Self", "Error", "Method");
        self.entrySet().stream()
                .sorted(Map.Entry.comparingByValue(Comparator.reverseOrder()))
                .limit(ROWS)
                .forEach(entry -> {
                    double share = (double) entry.getValue() / total;
                    System.out.printf("%6.1f %% ±%5.1f %%  %s%n",
                            100 * share, 200 * Math.sqrt(share * (1 - share) / total), entry.getKey());
                });
    }
}
