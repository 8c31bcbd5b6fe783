// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Failure;
import dev.heapwalk.cli.output.Interruption;
import dev.heapwalk.cli.output.Terminal;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.TargetOptions;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code heapwalk shell}: commands about one target, one after the other. */
@Command(
        name = "shell",
        description =
                "Read commands about one target from standard input: those of gdb-heap, and all others without the "
                        + "word for the target. A process runs on between them, unless 'stop' holds it.")
final class Shell extends TargetCommand {
    /** What only a shell has. */
    static final List<String> OWN = List.of("heap", "stop", "continue", "exit");

    private static final String HISTORY = "shell.lines";

    @Parameters(paramLabel = "TARGET", description = TargetCommand.TARGET)
    private String target;

    private Optional<Target> held = Optional.empty();

    @Override
    String target() {
        return target;
    }

    @Override
    int answer(Subject subject) {
        String word = switch (subject) {
            case Subject.Pid one -> Long.toString(one.pid());
            case Subject.Core core -> core.file().toString();
            default -> throw new IllegalStateException("it is to be a process or a core by now");
        };
        boolean typed = Terminal.input() && Terminal.output();
        int worst = Failure.FINE;
        try (Lines lines = typed ? new TypedLines(HistoryFile.inFolder(HISTORY), root()) : Lines.piped()) {
            boolean goesOn = true;
            while (goesOn) {
                Optional<String> line = lines.next(prompt());
                Interruption.forget();
                goesOn = line.isPresent() && !isEnd(line.get());
                if (goesOn) {
                    worst = Failure.worse(worst, obey(new ShellLine(line.get()), subject, word));
                }
            }
        } finally {
            letGo();
            Interruption.forget();
        }
        // Who has typed them has seen what became of each.
        return typed ? Failure.FINE : worst;
    }

    private CommandGroup root() {
        return (CommandGroup) spec().root().userObject();
    }

    private String prompt() {
        return held.isPresent() ? "heapwalk (stopped)> " : "heapwalk> ";
    }

    private static boolean isEnd(String line) {
        String first = new ShellLine(line).first();
        return first.equals("exit") || first.equals("quit");
    }

    /** Does what a line says. Returns the exit status of a command. */
    private int obey(ShellLine line, Subject subject, String word) {
        try {
            return switch (line.first()) {
                case "" -> Failure.FINE;
                case "help" -> root().execute(helped(line.words()));
                case "stop" -> stop(subject);
                case "continue" -> goOn();
                default -> root().execute(line.arguments(word, options()));
            };
        } catch (ShellLine.WrongException e) {
            Failure.say(e.getMessage());
            return Failure.USAGE;
        } catch (RuntimeException e) {
            return Failure.report(e, verbose());
        }
    }

    /** Help of what a shell has; of another command as ever. */
    private static String[] helped(List<String> words) {
        boolean own = words.size() == 1 || OWN.contains(words.get(1));
        return own ? new String[] {"help", "shell"} : words.toArray(String[]::new);
    }

    private int stop(Subject subject) {
        if (!(subject instanceof Subject.Pid one)) {
            Failure.say("a core does not run");
            return Failure.USAGE;
        }
        if (held.isPresent()) {
            Failure.say("the process is stopped already");
            return Failure.USAGE;
        }
        Target opened = Target.observe(one.pid(), TargetOptions.DEFAULT.withMaxStop(Duration.ZERO));
        try {
            // Ends with the target.
            Target.Stop _ = opened.stop();
        } catch (TargetException e) {
            opened.close();
            throw e;
        }
        held = Optional.of(opened);
        root().hold(held);
        return Failure.FINE;
    }

    private int goOn() {
        if (held.isEmpty()) {
            Failure.say("the process is not stopped");
            return Failure.USAGE;
        }
        letGo();
        return Failure.FINE;
    }

    private void letGo() {
        root().hold(Optional.empty());
        held.ifPresent(Target::close);
        held = Optional.empty();
    }
}
