// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A Python interpreter to run target scripts in: one of a Debian release, the machine's own, or one that {@code
 * HEAPWALK_PYTHONS} names, a list of executables of this machine separated by {@code :}. Such an executable may be a
 * script that enters another root, as long as it replaces itself by Python.
 */
public final class Python {
    private static final String VARIABLE = "HEAPWALK_PYTHONS";
    private static final String HOST = "/usr/bin/python3";
    private static final String PROBE =
            "import os, sys, sysconfig; print(os.getpid()); print('%d.%d' % sys.version_info[:2]); "
                    + "print(sysconfig.get_config_var('Py_GIL_DISABLED')); sys.stdout.flush(); sys.stdin.read()";
    private static final Pattern EXECUTABLE = Pattern.compile("python(3\\.[0-9]+)");

    private final String label;
    private final String version;
    private final Release release;
    private final Path root;
    private final List<String> command;
    private final Path sysroot;
    private final boolean freeThreaded;

    private Python(
            String label,
            String version,
            Release release,
            Path root,
            List<String> command,
            Path sysroot,
            boolean freeThreaded) {
        this.label = label;
        this.version = version;
        this.release = release;
        this.root = root;
        this.command = command;
        this.sysroot = sysroot;
        this.freeThreaded = freeThreaded;
    }

    /**
     * Those of the Debian releases that the tests run on: one of each, but all that sid has.
     *
     * @return the interpreters, those of the oldest release first
     * @throws IllegalStateException if a release is not prepared
     */
    public static List<Python> debian() {
        return Release.debian().stream().flatMap(Python::in).toList();
    }

    private static Stream<Python> in(Release release) {
        Path root = release.root(release.label() + "-python");
        return in(
                root,
                (name, version) -> new Python(
                        release.label() + " " + version,
                        version,
                        release,
                        root,
                        List.of("/usr/bin/" + name),
                        root,
                        false));
    }

    private interface Maker {
        Python make(String name, String version);
    }

    private static Stream<Python> in(Path root, Maker maker) {
        try (Stream<Path> files = Files.list(root.resolve("usr/bin"))) {
            List<Python> found = files.map(
                            file -> EXECUTABLE.matcher(file.getFileName().toString()))
                    .filter(name -> name.matches())
                    .map(name -> maker.make(name.group(), name.group(1)))
                    .sorted(Comparator.comparing(Python::version))
                    .toList();
            if (found.isEmpty()) {
                throw new IllegalStateException("no Python in " + root + ": run script/releases, which prepares it");
            }
            return found.stream();
        } catch (IOException e) {
            throw new UncheckedIOException("could not look for Python in " + root, e);
        }
    }

    /**
     * Those that are compiled for aarch64, of bookworm and trixie. {@code qemu-aarch64} runs them, as programs of this
     * machine: only cores of them can be read.
     *
     * @return the interpreters, empty on a machine that is no x86-64
     * @throws IllegalStateException if a release is not prepared
     */
    public static List<Python> aarch64() {
        return Stream.of(Release.BOOKWORM, Release.TRIXIE)
                .filter(release -> Release.debian().contains(release)
                        && System.getProperty("os.arch").equals("amd64"))
                .flatMap(release -> {
                    Path root = release.aarch64Root();
                    return in(
                            root,
                            (name, version) -> new Python(
                                    release.label() + " " + version + " for aarch64",
                                    version,
                                    Release.HOST,
                                    Path.of("/"),
                                    List.of("qemu-aarch64", "-L", root.toString(), root + "/usr/bin/" + name),
                                    root,
                                    false));
                })
                .toList();
    }

    /**
     * One for tests that need no particular one.
     *
     * @return that of trixie
     */
    public static Python trixie() {
        return in(Release.TRIXIE).findFirst().orElseThrow();
    }

    /**
     * Those that tests are parametrised over.
     *
     * @return {@link #debian}, the machine's own if it has one, and what {@code HEAPWALK_PYTHONS} names
     * @throws IllegalStateException if something is named there that is no Python
     */
    public static List<Python> all() {
        return Stream.concat(debian().stream(), Named.PYTHONS.stream()).toList();
    }

    /**
     * Those that have pymalloc.
     *
     * @return {@link #all} but builds without the global interpreter lock
     */
    public static List<Python> withPymalloc() {
        return all().stream().filter(python -> !python.freeThreaded).toList();
    }

    /**
     * Whether it is a build without the global interpreter lock ({@code Py_GIL_DISABLED}). No Debian release packages
     * one.
     *
     * @return whether it is
     */
    public boolean freeThreaded() {
        return freeThreaded;
    }

    /**
     * What {@code PYTHONMALLOC} may say.
     *
     * @return names of allocators, the usual one first; one that is empty where there is no choice
     */
    public List<String> allocators() {
        if (freeThreaded) {
            return List.of("mimalloc", "debug");
        }
        return isAtLeast(3, 6) ? List.of("pymalloc", "malloc", "debug", "malloc_debug") : List.of("");
    }

    /**
     * Those of {@link #allocators} with which each block has a head for debugging.
     *
     * @return names of allocators
     */
    public List<String> debuggingAllocators() {
        return allocators().stream().filter(name -> name.endsWith("debug")).toList();
    }

    /**
     * Major and minor version.
     *
     * @return for example {@code 3.11}
     */
    public String version() {
        return version;
    }

    /**
     * Compares the version.
     *
     * @param major for example 3
     * @param minor for example 12
     * @return whether this one's is that or a later one
     */
    public boolean isAtLeast(int major, int minor) {
        String[] parts = version.split("\\.");
        int own = Integer.parseInt(parts[0]);
        return own > major || own == major && Integer.parseInt(parts[1]) >= minor;
    }

    /**
     * The Debian release it belongs to.
     *
     * @return the release; {@link Release#HOST} for one of this machine
     */
    public Release release() {
        return release;
    }

    /**
     * Where its root lies.
     *
     * @return the folder of this machine that it sees as {@code /}
     */
    public Path root() {
        return root;
    }

    /**
     * Where its files lie for who reads a core of it.
     *
     * @return {@link #root()}; for one that is emulated, the folder that it has its libraries in
     */
    public Path sysroot() {
        return sysroot;
    }

    /** A command line that becomes this interpreter, for a process of the same id. */
    List<String> command(List<String> before, List<String> arguments) {
        List<String> line = new ArrayList<>(before);
        line.addAll(command);
        line.addAll(arguments);
        return release == Release.HOST ? line : Release.enter(root, line);
    }

    @Override
    public String toString() {
        return label;
    }

    /** Asked once, and only where wanted. */
    private static final class Named {
        private static final List<Python> PYTHONS = named();

        private static List<Python> named() {
            String list = Optional.ofNullable(System.getenv(VARIABLE)).orElse("");
            Stream<String> host = Files.isExecutable(Path.of(HOST)) ? Stream.of(HOST) : Stream.empty();
            return Stream.concat(host, Stream.of(list.split(File.pathSeparator)))
                    .filter(executable -> !executable.isBlank())
                    .map(Named::ask)
                    .toList();
        }

        private static Python ask(String executable) {
            try {
                Process process = new ProcessBuilder(executable, "-c", PROBE)
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
                try (BufferedReader said = new BufferedReader(
                        new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII))) {
                    String pid = said.readLine();
                    String version = said.readLine();
                    boolean freeThreaded = "1".equals(said.readLine());
                    if (version == null) {
                        throw new IllegalStateException(
                                VARIABLE + ": " + executable + " does not run a line of Python");
                    }
                    if (!pid.equals(Long.toString(process.pid()))) {
                        throw new IllegalStateException(VARIABLE + ": " + executable
                                + " starts Python as a process of its own: it has to replace itself by it, with exec");
                    }
                    Path root = Files.readSymbolicLink(Path.of("/proc/" + pid + "/root"));
                    String label = executable + " " + version + (freeThreaded ? " without the lock" : "");
                    return new Python(label, version, Release.HOST, root, List.of(executable), root, freeThreaded);
                } finally {
                    process.destroyForcibly();
                }
            } catch (IOException e) {
                throw new IllegalStateException(VARIABLE + ": " + executable + " can't be run", e);
            }
        }
    }
}
