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
import java.util.List;

/** Compiles the C side of a benchmark for this machine and loads it. */
final class FloorLibrary {
    private FloorLibrary() {}

    /** Compiles a source file of this package and finds a function of it, which is good as long as the arena is open. */
    static MethodHandle function(String file, String name, FunctionDescriptor type, Arena arena) {
        SymbolLookup library = SymbolLookup.libraryLookup(compile(file), arena);
        return Linker.nativeLinker().downcallHandle(library.findOrThrow(name), type);
    }

    private static Path compile(String file) {
        try {
            Path folder = Files.createTempDirectory("heapwalk-floor");
            Path source = folder.resolve(file);
            try (InputStream in = FloorLibrary.class.getResourceAsStream(file)) {
                Files.write(source, in.readAllBytes());
            }
            Path library = folder.resolve(file.replace(".c", ".so"));
            List.of(folder, source, library).forEach(path -> path.toFile().deleteOnExit());
            Process gcc = new ProcessBuilder(
                            "gcc",
                            "-O2",
                            "-march=native",
                            "-Wall",
                            "-Werror",
                            "-shared",
                            "-fPIC",
                            "-o",
                            library.toString(),
                            source.toString())
                    .redirectErrorStream(true)
                    .start();
            String said = new String(gcc.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (gcc.waitFor() != 0) {
                throw new IllegalStateException("gcc could not compile the floor:\n" + said);
            }
            return library;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
