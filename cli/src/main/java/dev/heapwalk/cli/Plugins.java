// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Jars with heaps and categorizers of others, found by the context class loader of the thread that runs the command.
 */
final class Plugins {
    /** A path of jars, as a class path has it. */
    static final String VARIABLE = "HEAPWALK_PLUGINS";

    private Plugins() {}

    /**
     * Puts jars behind the command's own classes.
     *
     * @param path what the variable says, or null
     * @throws IllegalArgumentException if a jar of it can't be read
     */
    static void load(String path) {
        if (path == null || path.isEmpty()) {
            return;
        }
        List<URL> jars = new ArrayList<>();
        for (String word : path.split(File.pathSeparator)) {
            if (word.isEmpty()) {
                continue;
            }
            Path jar = Path.of(word);
            if (!Files.isReadable(jar)) {
                throw new IllegalArgumentException("%s names %s, which %s"
                        .formatted(VARIABLE, jar, Files.exists(jar) ? "can't be read" : "is not there"));
            }
            try {
                jars.add(jar.toUri().toURL());
            } catch (MalformedURLException e) {
                throw new IllegalArgumentException("%s names %s: %s".formatted(VARIABLE, jar, e.getMessage()), e);
            }
        }
        // Not closed: its classes are used until the JVM ends.
        Thread.currentThread()
                .setContextClassLoader(
                        new URLClassLoader("plugins", jars.toArray(URL[]::new), Plugins.class.getClassLoader()));
    }
}
