// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** A line that is typed in a shell, and the command line that it stands for: those of gdb-heap, and ours. */
final class ShellLine {
    /** What gdb-heap has behind the word {@code heap}, and what it is here. */
    static final Map<String, List<String>> OF_HEAP = new TreeMap<>(Map.ofEntries(
            Map.entry("sizes", List.of("sizes")),
            Map.entry("used", List.of("used")),
            Map.entry("free", List.of("free")),
            Map.entry("all", List.of("all")),
            Map.entry("label", List.of("label")),
            Map.entry("log", List.of("log")),
            Map.entry("diff", List.of("diff")),
            Map.entry("select", List.of("select")),
            Map.entry("arenas", List.of("arenas")),
            Map.entry("arena", List.of("arena")),
            Map.entry("cpython-allocators", List.of("python", "allocators"))));

    static final String HEAP = "heap";
    private static final String SELECT = "select";
    private static final String OPTION = "--";
    /** These have the target last, since what is before it may look like one. */
    private static final Set<String> TARGET_LAST = Set.of("arena", "hexdump");

    /** These read no target, or begin what has begun. */
    private static final Set<String> NOT_HERE = Set.of("shell", "completion");

    private final String line;
    private final List<Word> words = new ArrayList<>();

    /**
     * A word.
     *
     * @param text without quotes
     * @param start where it begins in the line
     * @param end where it ends
     */
    private record Word(String text, int start, int end) {}

    /** A line can't be understood. */
    static final class WrongException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private WrongException(String message) {
            super(message);
        }
    }

    /** Whether a command makes sense in a shell. */
    static boolean isHere(String name) {
        return !NOT_HERE.contains(name);
    }

    /** Reads a line: words with spaces between them; those in quotes are one. */
    ShellLine(String line) {
        this.line = line;
        int at = 0;
        while (at < line.length()) {
            if (Character.isWhitespace(line.charAt(at))) {
                at++;
            } else {
                at = word(at);
            }
        }
    }

    /** Takes the word that begins at a place. Returns where it ends; a quote that is not closed goes to the end. */
    private int word(int start) {
        StringBuilder text = new StringBuilder();
        char quote = 0;
        int at = start;
        for (; at < line.length(); at++) {
            char one = line.charAt(at);
            if (quote != 0) {
                if (one == quote) {
                    quote = 0;
                } else {
                    text.append(one);
                }
            } else if (one == '"' || one == '\'') {
                quote = one;
            } else if (Character.isWhitespace(one)) {
                break;
            } else {
                text.append(one);
            }
        }
        words.add(new Word(text.toString(), start, at));
        return at;
    }

    /** The first word; empty if there is none, or what follows is a remark. */
    String first() {
        return words.isEmpty() || line.charAt(words.getFirst().start) == '#' ? "" : words.getFirst().text;
    }

    /** All words. */
    List<String> words() {
        return texts(words);
    }

    private static List<String> texts(List<Word> some) {
        return some.stream().map(Word::text).toList();
    }

    /**
     * The command line that it stands for.
     *
     * @param target the word for the target
     * @param options of the shell, which its commands have too
     * @throws WrongException if there is none
     */
    String[] arguments(String target, List<String> options) {
        List<String> command = new ArrayList<>();
        List<Word> rest = new ArrayList<>(words);
        String name = rest.removeFirst().text;
        if (name.equals(HEAP)) {
            command.addAll(ofHeap(rest));
        } else if (!isHere(name)) {
            throw new WrongException("'%s' is no command of a shell".formatted(name));
        } else {
            command.add(name);
            if (!rest.isEmpty() && Commands.namesBelow(name).contains(rest.getFirst().text)) {
                command.add(rest.removeFirst().text);
            }
        }
        if (!Commands.names().contains(command.getFirst())
                || !Commands.namesBelow(command.getFirst()).isEmpty() && command.size() == 1) {
            // Refused with what there is.
            command.addAll(texts(rest));
            return command.toArray(String[]::new);
        }
        boolean last = TARGET_LAST.contains(command.getFirst());
        if (!last) {
            command.add(target);
        }
        if (command.getFirst().equals(SELECT)) {
            command.addAll(expression(rest));
        }
        command.addAll(texts(rest));
        if (last) {
            command.add(target);
        }
        // In front of what the line says itself, which is not to be said twice.
        options(options, command);
        return command.toArray(String[]::new);
    }

    /** Adds options that the line does not have itself. */
    private static void options(List<String> options, List<String> command) {
        for (int i = 0; i < options.size(); i++) {
            String option = options.get(i);
            boolean value = i + 1 < options.size() && !options.get(i + 1).startsWith(OPTION);
            if (command.stream().noneMatch(word -> word.equals(option) || word.startsWith(option + "="))) {
                command.add(option);
                if (value) {
                    command.add(options.get(i + 1));
                }
            }
            if (value) {
                i++;
            }
        }
    }

    private static List<String> ofHeap(List<Word> rest) {
        if (rest.isEmpty() || rest.getFirst().text.startsWith("-")) {
            return List.of("summary");
        }
        String name = rest.removeFirst().text;
        List<String> command = OF_HEAP.get(name);
        if (command == null) {
            throw new WrongException("there is no command 'heap %s'; there are heap and heap %s"
                    .formatted(name, String.join(", ", OF_HEAP.keySet())));
        }
        return command;
    }

    /** Takes the words of an expression, which keeps its quotes, up to the first option. */
    private List<String> expression(List<Word> rest) {
        int end = 0;
        while (end < rest.size() && !line.startsWith(OPTION, rest.get(end).start)) {
            end++;
        }
        if (end == 0) {
            return List.of();
        }
        String expression = line.substring(rest.getFirst().start, rest.get(end - 1).end);
        rest.subList(0, end).clear();
        return List.of(expression);
    }
}
