// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A Ruby interpreter to run target scripts in: that of a Debian release, or one that {@code HEAPWALK_RUBIES} names, a
 * list of executables of this machine separated by {@code :}. Such an executable may be a script that enters another
 * root, as long as it replaces itself by Ruby.
 */
public final class Ruby {
    /** 2.7. */
    public static final Ruby BULLSEYE = of(Release.BULLSEYE, "2.7");
    /** 3.1. */
    public static final Ruby BOOKWORM = of(Release.BOOKWORM, "3.1");
    /** 3.3. */
    public static final Ruby TRIXIE = of(Release.TRIXIE, "3.3");
    /** 3.4, beside sid's own. */
    public static final Ruby SID =
            new Ruby("sid 3.4", "3.4", Release.SID, null, Release.SID.label() + "-ruby3.4", "/usr/bin/ruby3.4");

    private static final String VARIABLE = "HEAPWALK_RUBIES";
    private static final String PROBE = "puts $$, RUBY_VERSION; STDOUT.flush; STDIN.read";

    private final String label;
    private final String version;
    private final Release release;
    private final Path root;
    private final String folder;
    private final String executable;

    private Ruby(String label, String version, Release release, Path root, String folder, String executable) {
        this.label = label;
        this.version = version;
        this.release = release;
        this.root = root;
        this.folder = folder;
        this.executable = executable;
    }

    private static Ruby of(Release release, String version) {
        String name = release.label();
        return new Ruby(name + " " + version, version, release, null, name, "/usr/bin/ruby");
    }

    /**
     * Those of the Debian releases that the tests run on.
     *
     * @return the interpreters of up to four Debian releases, the oldest first
     */
    public static List<Ruby> debian() {
        return Stream.of(BULLSEYE, BOOKWORM, TRIXIE, SID)
                .filter(ruby -> Release.debian().contains(ruby.release))
                .toList();
    }

    /**
     * Those of them that also have a copy with the C extensions which Debian packages: {@code gems.rb} tells which.
     *
     * @return up to three of {@link #debian}, in roots of their own
     */
    public static List<Ruby> withGems() {
        return debian().stream()
                .filter(ruby -> ruby.release != Release.SID)
                .map(ruby -> new Ruby(
                        ruby.label + " with gems",
                        ruby.version,
                        ruby.release,
                        null,
                        ruby.release.label() + "-gems",
                        ruby.executable))
                .toList();
    }

    /**
     * Those that tests are parametrised over.
     *
     * @return {@link #debian} and what {@code HEAPWALK_RUBIES} names
     * @throws IllegalStateException if something is named there that is no Ruby
     */
    public static List<Ruby> all() {
        return Stream.concat(debian().stream(), Named.RUBIES.stream()).toList();
    }

    /**
     * Major and minor version.
     *
     * @return for example {@code 3.1}
     */
    public String version() {
        return version;
    }

    /**
     * Compares the version.
     *
     * @param major for example 3
     * @param minor for example 1
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
     * @return the release; empty for one that {@code HEAPWALK_RUBIES} names
     */
    public Optional<Release> release() {
        return Optional.ofNullable(release);
    }

    /**
     * Where its root lies.
     *
     * @return the folder of this machine that it sees as {@code /}
     * @throws IllegalStateException if its release is not prepared
     */
    public Path root() {
        return release == null ? root : release.root(folder);
    }

    /** A command line that becomes this interpreter, for a process of the same id. */
    List<String> command(List<String> before, List<String> arguments) {
        List<String> line = new ArrayList<>(before);
        line.add(executable);
        line.addAll(arguments);
        return release == null ? line : Release.enter(root(), line);
    }

    @Override
    public String toString() {
        return label;
    }

    /** Asked once, and only where wanted. */
    private static final class Named {
        private static final List<Ruby> RUBIES = named();

        private static List<Ruby> named() {
            String list = Optional.ofNullable(System.getenv(VARIABLE)).orElse("");
            return Stream.of(list.split(File.pathSeparator))
                    .filter(executable -> !executable.isBlank())
                    .map(Named::ask)
                    .toList();
        }

        private static Ruby ask(String executable) {
            try {
                Process process = new ProcessBuilder(executable, "--disable=gems", "-e", PROBE)
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
                try (BufferedReader said = new BufferedReader(
                        new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII))) {
                    String pid = said.readLine();
                    String version = said.readLine();
                    if (version == null) {
                        throw new IllegalStateException(VARIABLE + ": " + executable + " does not run a line of Ruby");
                    }
                    if (!pid.equals(Long.toString(process.pid()))) {
                        throw new IllegalStateException(VARIABLE + ": " + executable
                                + " starts Ruby as a process of its own: it has to replace itself by it, with exec");
                    }
                    Path root = Files.readSymbolicLink(Path.of("/proc/" + pid + "/root"));
                    return new Ruby(
                            executable + " " + version,
                            version.substring(0, version.lastIndexOf('.')),
                            null,
                            root,
                            null,
                            executable);
                } finally {
                    process.destroyForcibly();
                }
            } catch (IOException e) {
                throw new IllegalStateException(VARIABLE + ": " + executable + " can't be run", e);
            }
        }
    }
}
