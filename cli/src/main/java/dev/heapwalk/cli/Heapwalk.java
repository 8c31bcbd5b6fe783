// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.cli.command.CommandGroup;
import dev.heapwalk.cli.command.Commands;
import dev.heapwalk.cli.command.SeveralProcessesException;
import dev.heapwalk.cli.command.TargetCommand;
import dev.heapwalk.cli.command.WrongQueryException;
import dev.heapwalk.cli.demo.Demo;
import dev.heapwalk.cli.output.Failure;
import dev.heapwalk.memory.Target;
import java.util.Arrays;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command's entry. */
@Command(
        name = "heapwalk",
        description = "Show what the native heap of another process is made of.",
        synopsisSubcommandLabel = "COMMAND",
        versionProvider = Heapwalk.Version.class)
public final class Heapwalk extends CommandGroup {
    @Option(
            names = {"-V", "--version"},
            versionHelp = true,
            description = "Show the version and exit.")
    private boolean version;

    private Heapwalk() {}

    /**
     * Runs the command and ends the JVM with its exit status.
     *
     * @param args the command's arguments
     */
    public static void main(String[] args) {
        int status = 0;
        if (args.length == 1 && args[0].equals("--version")) {
            // Without picocli, whose classes are of a version (49) that no AOT cache takes: to load them takes most of
            // a start.
            System.out.println(version());
        } else {
            status = run(args);
        }
        // What picocli writes (help, version) goes through a stream that keeps its errors to itself.
        System.out.flush();
        System.exit(status);
    }

    /** Runs the command. Returns its exit status. */
    static int run(String... args) {
        try {
            Plugins.load(System.getenv(Plugins.VARIABLE));
        } catch (IllegalArgumentException e) {
            Failure.say(e.getMessage());
            return Failure.USAGE;
        }
        prepare(args);
        return new Heapwalk().execute(args);
    }

    @Override
    protected int execute(String... args) {
        try {
            return Commands.line(this, args)
                    .setExecutionExceptionHandler((failure, at, parsed) -> Failure.report(
                            failure, at.getCommand() instanceof TargetCommand command && command.verbose()))
                    .setParameterExceptionHandler((failure, given) -> usage(failure))
                    .execute(args);
        } catch (Throwable error) {
            // Picocli lets errors pass: no memory, stack overflow, a class that is not there.
            return Failure.report(error, Arrays.asList(args).contains("--verbose"));
        }
    }

    /** Loads what reading a process takes in a thread of its own, while the arguments are looked at. */
    private static void prepare(String... args) {
        if (args.length > 1) {
            Thread.ofPlatform().name("heapwalk-preparing").daemon().start(() -> {
                try {
                    Target.prepare();
                } catch (RuntimeException | LinkageError e) {
                    // Whoever opens the process is told.
                }
            });
        }
    }

    /** The command, ready for its arguments. */
    static CommandLine line(String... args) {
        return Commands.line(new Heapwalk(), args);
    }

    private static int usage(ParameterException failure) {
        String message = failure.getMessage();
        if (failure instanceof UnmatchedArgumentException unmatched) {
            String first = unmatched.getUnmatched().getFirst();
            boolean command = !failure.getCommandLine().getSubcommands().isEmpty();
            if (first.startsWith("-")) {
                message = "there is no option " + first;
            } else {
                message = command
                        ? "there is no command '" + first + "'" + alike(first, failure.getCommandLine())
                        : "one argument too many: '" + first + "'";
            }
        }
        if (failure instanceof MissingParameterException && message.contains("TARGET")) {
            message += "; 'heapwalk help target' says what that may be";
        }
        Failure.say(message);
        if (failure instanceof WrongQueryException query) {
            query.lines().forEach(Failure::say);
        }
        if (failure instanceof SeveralProcessesException several) {
            several.list().forEach(Failure::say);
            return Failure.USAGE;
        }
        Failure.say("try '" + failure.getCommandLine().getCommandSpec().qualifiedName() + " --help'");
        return Failure.USAGE;
    }

    /** Asks whether a command was meant whose name differs in its end alone, or in the order of its letters. */
    private static String alike(String typed, CommandLine group) {
        return group.getSubcommands().keySet().stream()
                .filter(name -> sorted(name).equals(sorted(typed)) || name.startsWith(typed) || typed.startsWith(name))
                .findFirst()
                .map(name -> "; did you mean '" + name + "'?")
                .orElse("");
    }

    private static String sorted(String word) {
        return word.chars().sorted().mapToObj(Character::toString).collect(Collectors.joining());
    }

    @Override
    protected Demo demo() {
        return Demo.start();
    }

    /** Tells the version that the jar was built with. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {version()};
        }
    }

    private static String version() {
        String version = Heapwalk.class.getPackage().getImplementationVersion();
        return "heapwalk " + (version == null ? "(not packaged)" : version) + " on Java "
                + System.getProperty("java.version");
    }
}
