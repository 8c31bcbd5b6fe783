// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Interruption;
import dev.heapwalk.cli.output.KeptFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jline.reader.Candidate;
import org.jline.reader.EndOfFileException;
import org.jline.reader.History;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.ParsedLine;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import picocli.CommandLine;

/** Lines that are typed on a terminal: with a history that is kept, and completion. */
final class TypedLines implements Lines {
    private static final int MOST_KEPT = 1000;

    private final Terminal terminal;
    private final LineReader reader;
    private final Path file;
    private final CommandGroup root;

    /**
     * Takes the terminal.
     *
     * @param file where lines are kept from one shell to the next
     * @param root all commands
     */
    TypedLines(Path file, CommandGroup root) {
        this.file = file;
        this.root = root;
        try {
            terminal =
                    TerminalBuilder.builder().system(true).nativeSignals(true).build();
        } catch (IOException e) {
            throw new UncheckedIOException(new IOException("can't use the terminal: " + e.getMessage(), e));
        }
        terminal.handle(Terminal.Signal.INT, _ -> Interruption.request());
        reader = LineReaderBuilder.builder()
                .terminal(terminal)
                .completer((_, line, candidates) -> complete(line, candidates))
                .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
                .build();
        kept().forEach(reader.getHistory()::add);
    }

    private List<String> kept() {
        try {
            Optional<KeptFile> found = KeptFile.read(file);
            if (found.isEmpty()) {
                return List.of();
            }
            try (KeptFile lines = found.get()) {
                byte[] bytes = Channels.newInputStream(lines.channel()).readAllBytes();
                return new String(bytes, StandardCharsets.UTF_8).lines().toList();
            }
        } catch (IOException | UncheckedIOException e) {
            // It is there for comfort alone.
            return List.of();
        }
    }

    @Override
    public Optional<String> next(String prompt) {
        try {
            return Optional.of(reader.readLine(prompt));
        } catch (UserInterruptException e) {
            return Optional.of("");
        } catch (EndOfFileException e) {
            return Optional.empty();
        }
    }

    private void complete(ParsedLine line, List<Candidate> candidates) {
        List<String> words = line.words().subList(0, line.wordIndex());
        words(words, line.word()).forEach(word -> candidates.add(new Candidate(word)));
    }

    /** What may follow some words. */
    private Stream<String> words(List<String> before, String typed) {
        if (before.isEmpty()) {
            return Stream.concat(Commands.names().stream().filter(ShellLine::isHere), Shell.OWN.stream());
        }
        String name = before.getFirst();
        if (name.equals(ShellLine.HEAP) && before.size() == 1) {
            return ShellLine.OF_HEAP.keySet().stream();
        }
        Set<String> below = Commands.namesBelow(name);
        if (!below.isEmpty() && before.size() == 1) {
            return below.stream();
        }
        if (!typed.startsWith("-")) {
            return Stream.empty();
        }
        try {
            String[] arguments = new ShellLine(String.join(" ", before)).arguments("0", List.of());
            CommandLine of = Commands.line(root, arguments);
            for (String word : arguments) {
                CommandLine next = of.getSubcommands().get(word);
                of = next == null ? of : next;
            }
            return of.getCommandSpec().options().stream().map(option -> option.longestName());
        } catch (ShellLine.WrongException e) {
            return Stream.empty();
        }
    }

    @Override
    public void close() {
        List<String> lines = new ArrayList<>();
        for (Iterator<History.Entry> all = reader.getHistory().iterator(); all.hasNext(); ) {
            lines.add(all.next().line());
        }
        try (KeptFile changed = KeptFile.change(file)) {
            String text = String.join("\n", lines.subList(Math.max(0, lines.size() - MOST_KEPT), lines.size())) + "\n";
            changed.channel().truncate(0);
            changed.channel().write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
            terminal.close();
        } catch (IOException | RuntimeException e) {
            // It is there for comfort alone.
        }
    }
}
