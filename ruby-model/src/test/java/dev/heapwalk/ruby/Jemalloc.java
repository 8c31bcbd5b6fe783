// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** This machine's jemalloc, where a Ruby of another root finds it. */
public final class Jemalloc implements AutoCloseable {
    private static final Path LIBRARY = Path.of("/usr/lib/x86_64-linux-gnu/libjemalloc.so.2");

    private final Path outside;
    private final Path inside;

    /**
     * Puts it there.
     *
     * @param ruby the Ruby that is to find it
     * @param folder an empty folder
     * @throws IOException if it can't be copied
     */
    public Jemalloc(Ruby ruby, Path folder) throws IOException {
        // What starts the process outside of its root is given the same environment.
        outside = folder.resolve("libjemalloc.so.2");
        inside = Path.of(ruby.root() + outside.toString());
        Files.createDirectories(inside.getParent());
        Files.copy(LIBRARY, outside);
        if (!Files.exists(inside)) {
            Files.copy(LIBRARY, inside);
        }
    }

    /**
     * Has a process use it.
     *
     * @param process how the process is started
     * @return the same
     */
    public RubyProcess.Launch in(RubyProcess.Launch process) {
        return process.env("LD_PRELOAD", outside.toString());
    }

    @Override
    public void close() throws IOException {
        Files.deleteIfExists(inside);
        Files.deleteIfExists(inside.getParent());
    }
}
