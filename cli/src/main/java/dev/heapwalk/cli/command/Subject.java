// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetOptions;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/** What the word TARGET stands for. */
sealed interface Subject {

    /** A process. */
    record Pid(long pid) implements Subject {
        @Override
        public Target open(Mode mode, TargetOptions options, Path sysroot) {
            return mode == Mode.STOP ? Target.attach(pid, options) : Target.observe(pid, options);
        }
    }

    /** A core file. */
    record Core(Path file) implements Subject {
        @Override
        public Target open(Mode mode, TargetOptions options, Path sysroot) {
            return sysroot == null ? Target.core(file) : Target.core(file, sysroot);
        }
    }

    /** The process that we start ourselves. */
    record Demo() implements Subject {
        @Override
        public Target open(Mode mode, TargetOptions options, Path sysroot) {
            throw new IllegalStateException("the demo is to be started first");
        }
    }

    /** Opens it. */
    Target open(Mode mode, TargetOptions options, Path sysroot);

    /** Says what a word stands for; null if it stands for nothing. */
    static Subject of(String word) {
        if (word.equals("demo")) {
            return new Demo();
        }
        if (!word.isEmpty() && word.length() <= 18 && word.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return new Pid(Long.parseLong(word));
        }
        if (word.isEmpty() || word.indexOf('\0') >= 0) {
            return null;
        }
        Path file = Path.of(word);
        return Files.exists(file, LinkOption.NOFOLLOW_LINKS) ? new Core(file) : null;
    }
}
