// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Compiles target programs with the machine's {@code gcc}. */
public final class CProgram {
    private CProgram() {}

    /**
     * Compiles a program for the machine's own release.
     *
     * @param name file name of the program
     * @param source its C source
     * @param options more options for {@code gcc}
     * @return the program, in a new temporary folder
     * @throws IOException if it can't be compiled; with the compiler's words
     */
    public static Path compile(String name, String source, String... options) throws IOException {
        Path folder = Files.createTempDirectory("heapwalk-c");
        Path file = Files.writeString(folder.resolve(name + ".c"), source);
        Path program = folder.resolve(name);
        List<String> line = new ArrayList<>(
                List.of("gcc", "-O1", "-g0", "-Wall", "-pthread", "-o", program.toString(), file.toString()));
        line.addAll(List.of(options));
        Process gcc = new ProcessBuilder(line).redirectErrorStream(true).start();
        String said = new String(gcc.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            if (gcc.waitFor() != 0) {
                throw new IOException("gcc could not compile " + name + ":\n" + said);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while gcc compiled " + name, e);
        }
        return program;
    }
}
