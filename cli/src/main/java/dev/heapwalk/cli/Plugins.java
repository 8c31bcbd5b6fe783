// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.cli.output.Failure;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipFile;

/**
 * Jars and folders with heaps and categorizers of others, found by the context class loader of the thread that runs the
 * command.
 */
final class Plugins {
    /** A path of jars and folders, as a class path has it. */
    static final String VARIABLE = "HEAPWALK_PLUGINS";

    private Plugins() {}

    /**
     * Puts jars and folders behind the command's own classes.
     *
     * @param path what the variable says, or null
     * @throws IllegalArgumentException if one of them can't be read, or is neither a jar nor a folder
     */
    static void load(String path) {
        if (path == null || path.isEmpty()) {
            return;
        }
        if (!runsAsItsCaller()) {
            Failure.say("notice: " + VARIABLE + " is ignored, since the real and the effective user differ");
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
            checkKind(jar);
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

    /** Whether this process may do what who started it may do, and no more: else the caller's code is not to be run. */
    private static boolean runsAsItsCaller() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
            return lines.filter(line -> line.startsWith("Uid:") || line.startsWith("Gid:"))
                            .map(line -> line.split("\\s+"))
                            .filter(words -> words[1].equals(words[2]))
                            .count()
                    == 2;
        } catch (IOException | UncheckedIOException e) {
            return false;
        }
    }

    /** A class loader passes over what it can't open, without a word. */
    private static void checkKind(Path jar) {
        if (Files.isDirectory(jar)) {
            return;
        }
        String fault = "it is not a regular file";
        if (Files.isRegularFile(jar)) {
            try {
                new ZipFile(jar.toFile()).close();
                return;
            } catch (IOException e) {
                fault = e.getMessage();
            }
        }
        throw new IllegalArgumentException(
                "%s names %s, which is neither a jar nor a folder: %s".formatted(VARIABLE, jar, fault));
    }
}
