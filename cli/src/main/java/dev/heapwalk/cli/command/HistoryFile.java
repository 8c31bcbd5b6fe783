// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.history.History;
import dev.heapwalk.cli.output.KeptFile;
import dev.heapwalk.memory.NoSuchProcessException;
import dev.heapwalk.memory.Target;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Option;

/** The option that says where the labelled states of a target are, and where they are if it says nothing. */
final class HistoryFile {
    private static final String FOLDER = "heapwalk";
    private static final String ENDING = ".history";
    /** The boot id of the machine, the id of the process, and its start time. */
    private static final Pattern OF_PROCESS =
            Pattern.compile("[0-9a-f-]{36}-([0-9]{1,10})-[0-9]{1,20}" + Pattern.quote(ENDING));
    /** The start time of a process is so many fields behind the name, in which there may be anything. */
    private static final int START_TIME = 20;

    @Option(
            names = "--history",
            paramLabel = "FILE",
            description =
                    "The file with the labelled states. If it is not given, each process has one of its own in the "
                            + "folder heapwalk of $XDG_STATE_HOME, or of ~/.local/state.")
    private Path file;

    /** The file for a target that is named on the command line. */
    Path path(Subject subject) {
        return file != null
                ? file
                : switch (subject) {
                    case Subject.Pid one -> ofProcess(one.pid());
                    case Subject.Held one -> ofProcess(one.target().pid().orElseThrow());
                    case Subject.Core core -> ofCore(core.file());
                    default -> throw new IllegalStateException("it is to be a process or a core by now");
                };
    }

    /**
     * The file for an open target.
     *
     * @param target a process or a core
     * @param word what names it on the command line
     */
    Path path(Target target, String word) {
        return file != null
                ? file
                : target.pid().isPresent()
                        ? ofProcess(target.pid().getAsLong())
                        : inFolder(nameOfCore(target, Path.of(word)));
    }

    /** The history that a word stands for in place of a target, if it is the name of one. */
    static Optional<Path> named(Subject subject) {
        return subject instanceof Subject.Core core && History.is(core.file())
                ? Optional.of(core.file())
                : Optional.empty();
    }

    /** Whether states are in the folder where each process has a file of its own. */
    boolean inFolder() {
        return file == null;
    }

    /** Whether a file is that of a process which is not there any more, on this machine since it was started. */
    static boolean isOfEndedProcess(Path file) {
        Matcher name = OF_PROCESS.matcher(file.getFileName().toString());
        if (!name.matches()) {
            return false;
        }
        try {
            return !ofProcess(Long.parseLong(name.group(1))).getFileName().equals(file.getFileName());
        } catch (NoSuchProcessException e) {
            return true;
        }
    }

    /** No other process has had the same id and start time since the machine was started. */
    private static Path ofProcess(long pid) {
        try {
            String boot =
                    Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
            String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
            String[] fields = stat.substring(stat.lastIndexOf(')') + 1).strip().split(" ");
            return inFolder("%s-%d-%s%s".formatted(boot, pid, fields[START_TIME - 1], ENDING));
        } catch (IOException e) {
            throw new NoSuchProcessException("there is no process " + pid);
        }
    }

    private static Path ofCore(Path core) {
        try (Target target = new Subject.Core(core).open()) {
            return inFolder(nameOfCore(target, core));
        }
    }

    private static String nameOfCore(Target target, Path core) {
        try {
            String program = target.modules().stream()
                    .flatMap(module -> module.buildId().stream())
                    .findFirst()
                    .orElse("unknown");
            return "core-%s-%d"
                    .formatted(program, Files.getLastModifiedTime(core).toMillis());
        } catch (IOException e) {
            throw KeptFile.failure("read", core, e);
        }
    }

    /** A file that is kept from one command to another. */
    static Path inFolder(String name) {
        String said = System.getenv("XDG_STATE_HOME");
        Path folder = said != null && said.startsWith("/")
                ? Path.of(said)
                : Path.of(System.getProperty("user.home"), ".local", "state");
        return folder.resolve(FOLDER).resolve(name);
    }
}
