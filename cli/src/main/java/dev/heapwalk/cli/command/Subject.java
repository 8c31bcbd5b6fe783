// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetOptions;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** What the word TARGET stands for. */
sealed interface Subject {
    /** Where systemd-coredump keeps cores. */
    Path COREDUMPS = Path.of("/var/lib/systemd/coredump");

    /** A process. */
    record Pid(long pid) implements Subject {
        @Override
        public Target open(Mode mode, TargetOptions options, Path sysroot) {
            return switch (mode) {
                case FORK -> Target.fork(pid, options);
                case STOP, AUTO -> Target.attach(pid, options);
                case OBSERVE -> Target.observe(pid, options);
            };
        }
    }

    /**
     * A process that is held stopped already, and stays so.
     *
     * @param target it
     */
    record Held(Target target) implements Subject {
        @Override
        public Target open(Mode mode, TargetOptions options, Path sysroot) {
            return target;
        }

        @Override
        public void close(Target opened) {
            // It is not opened for one command.
        }
    }

    /** A core file. */
    record Core(Path file) implements Subject {
        @Override
        public Target open(Mode mode, TargetOptions options, Path sysroot) {
            return open(sysroot == null ? Path.of("/") : sysroot);
        }

        /** Opens it with the files of this machine. */
        Target open() {
            return open(Path.of("/"));
        }

        private Target open(Path root) {
            return PackedCore.of(file).map(packed -> packed.open(root)).orElseGet(() -> Target.core(file, root));
        }
    }

    /** The process that we start ourselves. */
    record Demo() implements Subject {
        @Override
        public Target open(Mode mode, TargetOptions options, Path sysroot) {
            throw new IllegalStateException("the demo is to be started first");
        }
    }

    /**
     * Processes of one name.
     *
     * @param name what they are called
     * @param processes at least one
     */
    record Named(String name, List<RunningProcess> processes) implements Subject {
        @Override
        public Target open(Mode mode, TargetOptions options, Path sysroot) {
            throw new IllegalStateException("one of them is to be chosen first");
        }
    }

    /**
     * Several processes that an answer is about together.
     *
     * @param processes at least one
     */
    record Group(List<Pid> processes) implements Subject {
        @Override
        public Target open(Mode mode, TargetOptions options, Path sysroot) {
            throw new IllegalStateException("each of them is to be opened");
        }
    }

    /** Opens it. */
    Target open(Mode mode, TargetOptions options, Path sysroot);

    /** Closes what was opened. */
    default void close(Target opened) {
        opened.close();
    }

    /** Whether a word can only be a process id. */
    static boolean isPid(String word) {
        return !word.isEmpty() && word.length() <= 18 && word.chars().allMatch(c -> c >= '0' && c <= '9');
    }

    /** Says what a word stands for; empty if it stands for nothing. */
    static Optional<Subject> of(String word) {
        if (isPid(word)) {
            return Optional.of(new Pid(Long.parseLong(word)));
        }
        if (word.equals("demo")) {
            return Optional.of(new Demo());
        }
        if (word.isEmpty() || word.indexOf('\0') >= 0) {
            return Optional.empty();
        }
        Path file = Path.of(word);
        if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            return Optional.of(new Core(file));
        }
        Path kept = COREDUMPS.resolve(word);
        if (word.indexOf('/') < 0 && Files.isRegularFile(kept)) {
            return Optional.of(new Core(kept));
        }
        List<RunningProcess> named = RunningProcess.named(word);
        return named.isEmpty() ? Optional.empty() : Optional.of(new Named(word, named));
    }

    /** Why a word stands for nothing, and what to do about it. */
    static String refusal(String word) {
        String why = "'" + word + "' is neither a process id nor a file nor the word demo, and no process is called so";
        List<RunningProcess> alike = RunningProcess.like(word);
        return why
                + (alike.isEmpty()
                        ? "; 'ps aux' lists processes"
                        : "; did you mean "
                                + alike.stream()
                                        .map(one -> one.pid() + " (" + one.name() + ")")
                                        .collect(Collectors.joining(" or "))
                                + "?");
    }
}
