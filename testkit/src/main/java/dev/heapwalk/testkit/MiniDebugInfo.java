// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Programs as Fedora packages them: stripped, with the symbols of functions in a section that is compressed. */
public final class MiniDebugInfo {
    private static final String STRIP = """
            set -e
            export LC_ALL=C
            cd "$3"
            objcopy --only-keep-debug "$1" debug
            objcopy --strip-all "$1" "$2"
            nm -D --format=posix --defined-only "$2" | awk '{ print $1 }' | sort -u >dynamic
            nm --format=sysv --defined-only debug | awk -F '|' '$4 ~ /FUNC/ { print $1 }' | sort -u >functions
            comm -13 dynamic functions >kept
            objcopy --strip-all --keep-symbols=kept debug small
            xz --force small
            objcopy --add-section .gnu_debugdata=small.xz "$2"
            """;

    private MiniDebugInfo() {}

    /**
     * Strips a program as Fedora does.
     *
     * @param program a program with symbols
     * @param stripped where the stripped one is written
     * @return the stripped program
     * @throws IOException if a tool fails; with its words
     */
    public static Path strip(Path program, Path stripped) throws IOException {
        try (TemporaryFolder folder =
                TemporaryFolder.in(stripped.toAbsolutePath().getParent(), "mini")) {
            Command.of(List.of(
                            "sh",
                            "-c",
                            STRIP,
                            "sh",
                            program.toAbsolutePath().toString(),
                            stripped.toAbsolutePath().toString(),
                            folder.path().toString()))
                    .run("strip " + program);
        }
        return stripped;
    }
}
