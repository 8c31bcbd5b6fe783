// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Format;
import dev.heapwalk.cli.output.Terminal;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.TypeConversionException;

/** All commands, by what is typed for them, and how their arguments are read. */
public final class Commands {
    private static final int HELP_WIDTH = 110;
    private static final int LEAST_HELP_WIDTH = 60;

    private static final Map<String, Supplier<?>> COMMANDS = new LinkedHashMap<>();

    static {
        COMMANDS.put("summary", Summary::new);
        COMMANDS.put("memory", Memory::new);
        COMMANDS.put("watch", Watch::new);
        COMMANDS.put("sizes", Sizes::new);
        COMMANDS.put("used", Used::new);
        COMMANDS.put("free", Free::new);
        COMMANDS.put("all", All::new);
        COMMANDS.put("select", Select::new);
        COMMANDS.put("arenas", Arenas::new);
        COMMANDS.put("arena", OneArena::new);
        COMMANDS.put("bins", Bins::new);
        COMMANDS.put("tcache", Tcache::new);
        COMMANDS.put("hexdump", Hexdump::new);
        COMMANDS.put("core", WriteCore::new);
        COMMANDS.put("label", Label::new);
        COMMANDS.put("log", Log::new);
        COMMANDS.put("diff", Diff::new);
        COMMANDS.put("retained", Retained::new);
        COMMANDS.put("holders", Holders::new);
        COMMANDS.put("references", References::new);
        COMMANDS.put("leaks", LeaksCommand::new);
        COMMANDS.put("waste", Waste::new);
        COMMANDS.put("shell", Shell::new);
        COMMANDS.put("ruby", Ruby::new);
        COMMANDS.put("python", Python::new);
        COMMANDS.put("completion", Completion::new);
        COMMANDS.put("help", Help::new);
    }

    private Commands() {}

    /** What is typed for the commands. */
    static Set<String> names() {
        return COMMANDS.keySet();
    }

    /** What is typed for the commands below one of them; empty for most. */
    static Set<String> namesBelow(String name) {
        return switch (name) {
            case "ruby" -> Ruby.COMMANDS.keySet();
            case "python" -> Python.COMMANDS.keySet();
            default -> Set.of();
        };
    }

    /**
     * All commands below a root, or the one that is asked for: making one ready takes some milliseconds of start-up.
     */
    public static CommandLine line(CommandGroup root, String... args) {
        CommandLine line = new CommandLine(root);
        String first = args.length > 0 ? args[0] : "";
        if (first.equals("--version")) {
            return line;
        }
        boolean needsAll = first.equals("completion") || first.equals("help");
        add(line, COMMANDS, needsAll ? "" : first);
        String second = args.length > 1 ? args[1] : "";
        addBelow(line, "ruby", Ruby.COMMANDS, first.equals("ruby") ? second : "");
        addBelow(line, "python", Python.COMMANDS, first.equals("python") ? second : "");
        if (needsAll
                || Arrays.asList(args).contains("--help")
                || Arrays.asList(args).contains("-h")) {
            int width = helpWidth();
            // Picocli breaks a line that is as long as that.
            Manual.addTo(line, width - 1);
            line.setUsageHelpWidth(width);
        }
        return line.setColorScheme(CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.OFF))
                .setAbbreviatedOptionsAllowed(false)
                // An argument such as @/etc/shadow is a word like others: picocli would read that file for more.
                .setExpandAtFiles(false)
                .registerConverter(Integer.class, word -> number(word, Integer::valueOf))
                .registerConverter(double.class, word -> number(word, Double::valueOf))
                .registerConverter(Format.class, word -> named(word, Format.values()))
                .registerConverter(Mode.class, word -> named(word, Mode.values()))
                .registerConverter(Retained.By.class, word -> named(word, Retained.By.values()))
                .registerConverter(DumpFormat.class, word -> named(word, DumpFormat.values()))
                .registerConverter(ThreadsFormat.class, word -> named(word, ThreadsFormat.values()));
    }

    /** Characters of a line of help: as the terminal has them, where they are not too many to read. */
    static int helpWidth() {
        int width = Terminal.width();
        return width == 0 ? HELP_WIDTH : Math.clamp(width, LEAST_HELP_WIDTH, HELP_WIDTH);
    }

    /** Adds those of a group, if that was added. */
    private static void addBelow(CommandLine line, String group, Map<String, Supplier<?>> commands, String name) {
        CommandLine of = line.getSubcommands().get(group);
        if (of != null) {
            add(of, commands, name);
        }
    }

    /** Adds the command that has a name, or all if none has. */
    private static void add(CommandLine line, Map<String, Supplier<?>> commands, String name) {
        Supplier<?> one = commands.get(name);
        if (one != null) {
            line.addSubcommand(one.get());
        } else {
            commands.values().forEach(command -> line.addSubcommand(command.get()));
        }
    }

    private static <T> T number(String word, Function<String, T> parse) {
        try {
            return parse.apply(word);
        } catch (NumberFormatException e) {
            throw new TypeConversionException("it must be a number such as 10, not '" + word + "'");
        }
    }

    /** The constant that has a name. */
    private static <T extends Enum<T>> T named(String word, T[] constants) {
        for (T constant : constants) {
            if (constant.toString().equals(word)) {
                return constant;
            }
        }
        String known = Arrays.stream(constants).map(Enum::toString).collect(Collectors.joining(", "));
        throw new TypeConversionException("it must be one of " + known + ", not '" + word + "'");
    }
}
