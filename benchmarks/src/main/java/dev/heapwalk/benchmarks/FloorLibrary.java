// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Compiles the C side of a benchmark for this machine, and loads it where it is to be called. */
final class FloorLibrary {
    private FloorLibrary() {}

    /**
     * Compiles a source file of this package and finds a function of it, which is good as long as the arena is open.
     */
    static MethodHandle function(String file, String name, FunctionDescriptor type, Arena arena) {
        SymbolLookup library =
                SymbolLookup.libraryLookup(compile(file, ".so", "-march=native", "-shared", "-fPIC"), arena);
        return Linker.nativeLinker().downcallHandle(library.findOrThrow(name), type);
    }

    /** Compiles a source file of this package to a program, which goes with this JVM. */
    static Path program(String file) {
        return compile(file, "");
    }

    private static Path compile(String file, String suffix, String... options) {
        try {
            Path folder = Files.createTempDirectory("heapwalk-floor");
            Path source = folder.resolve(file);
            try (InputStream in = FloorLibrary.class.getResourceAsStream(file)) {
                Files.write(source, in.readAllBytes());
            }
            Path made = folder.resolve(file.replace(".c", suffix));
            List.of(folder, source, made).forEach(path -> path.toFile().deleteOnExit());
            List<String> command = new ArrayList<>(List.of("gcc", "-O2", "-Wall", "-Werror"));
            command.addAll(List.of(options));
            command.addAll(List.of("-o", made.toString(), source.toString()));
            Process gcc = new ProcessBuilder(command).redirectErrorStream(true).start();
            String said = new String(gcc.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (gcc.waitFor() != 0) {
                throw new IllegalStateException("gcc could not compile " + file + ":\n" + said);
            }
            return made;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
