// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A Debian release to run target programs in: the machine's own, or one that {@code script/test} unpacked into the
 * cache folder and that is entered with {@code chroot}.
 */
public enum Release {
    /** The machine's own. */
    HOST("host", ""),
    /** Debian 11. */
    BULLSEYE("bullseye", "2.31"),
    /** Debian 12. */
    BOOKWORM("bookworm", "2.36"),
    /** Debian 13. */
    TRIXIE("trixie", "2.41"),
    /** Debian unstable. */
    SID("sid", "2.43");

    private static final String VARIABLE = "HEAPWALK_RELEASES";
    private static final boolean IS_ROOT = isRoot();

    private final String label;
    private final String glibc;

    Release(String label, String glibc) {
        this.label = label;
        this.glibc = glibc;
    }

    /**
     * The cache folder: {@code HEAPWALK_CACHE}, or {@code heapwalk} in the user's cache folder.
     *
     * @return its path
     */
    public static Path cache() {
        String named = System.getenv("HEAPWALK_CACHE");
        if (named != null && !named.isEmpty()) {
            return Path.of(named);
        }
        String xdg = System.getenv("XDG_CACHE_HOME");
        return Path.of(xdg != null && !xdg.isEmpty() ? xdg : System.getProperty("user.home") + "/.cache")
                .resolve("heapwalk");
    }

    /**
     * The releases that are unpacked in the cache folder, or those of them that {@code HEAPWALK_RELEASES} names,
     * separated by commas. {@link #TRIXIE} must be one of them: tests that need no particular one take it.
     *
     * @return some or all but {@link #HOST}, the oldest first
     */
    public static List<Release> debian() {
        return Chosen.RELEASES;
    }

    /**
     * Where a program can run.
     *
     * @return {@link #HOST} and {@link #debian}
     */
    public static List<Release> all() {
        return Stream.concat(Stream.of(HOST), debian().stream()).toList();
    }

    /**
     * The name.
     *
     * @return Debian's code name, in lower case
     */
    public String label() {
        return label;
    }

    /**
     * The version of glibc.
     *
     * @return for example {@code 2.36}; empty for the machine's own
     */
    public String glibc() {
        return glibc;
    }

    /**
     * Where the release lies.
     *
     * @param debugSymbols whether to choose the copy that has {@code libc6-dbg}
     * @return its root folder; empty for {@link #HOST}
     * @throws IllegalStateException if it is not prepared, or not one of {@link #all}
     */
    public Optional<Path> root(boolean debugSymbols) {
        return this == HOST ? Optional.empty() : Optional.of(root(debugSymbols ? label + "-dbg" : label));
    }

    /**
     * Where its files for another processor lie, which {@code qemu-aarch64} runs on this machine.
     *
     * @return the folder, which is no root to enter
     * @throws IllegalStateException if it is not prepared, or not one of {@link #debian}
     */
    public Path aarch64Root() {
        return root(label + "-arm64");
    }

    /** As {@link #root(boolean)}, for a copy of another name. */
    Path root(String folder) {
        if (!debian().contains(this)) {
            throw new IllegalStateException("the tests are not run on " + label + ": " + VARIABLE + " leaves it out");
        }
        return prepared(folder);
    }

    /**
     * A command line that runs a program in the release.
     *
     * @param debugSymbols whether to run it in the copy that has {@code libc6-dbg}
     * @param command the program, as the release sees it, and its arguments
     * @return the command line for this machine
     */
    public List<String> command(boolean debugSymbols, List<String> command) {
        return root(debugSymbols).map(root -> enter(root, command)).orElse(command);
    }

    /** As {@link #command}, as another user. */
    List<String> commandAs(int id, boolean debugSymbols, List<String> command) {
        if (!IS_ROOT) {
            throw new IllegalStateException("only root can run a target as user " + id + ": run the tests as root");
        }
        List<String> line = new ArrayList<>(root(debugSymbols)
                .map(root -> List.of("chroot", "--userspec=" + id + ":" + id, root.toString()))
                .orElse(List.of("setpriv", "--reuid=" + id, "--regid=" + id, "--clear-groups", "--")));
        line.addAll(command);
        return line;
    }

    /** Where a command that was started by {@link #commandBeside} finds the folder. */
    String seen(Path folder) {
        return this == HOST ? folder.toAbsolutePath().toString() : "/mnt";
    }

    /**
     * As {@link #command}, for a program that needs {@code /proc}, {@code /sys} and a folder of this machine: they are
     * mounted for that program alone, in a mount namespace of its own.
     *
     * @param folder what it sees as {@code /mnt}, or by its own path in the machine's own release
     * @param debugSymbols whether to run it where {@code libc6-dbg} is installed
     * @param command a program as the release sees it, and its arguments
     * @return what to start
     */
    public List<String> commandBeside(Path folder, boolean debugSymbols, List<String> command) {
        Path root = root(debugSymbols).orElse(null);
        if (root == null) {
            return command;
        }
        List<String> line = new ArrayList<>(List.of("unshare"));
        if (!IS_ROOT) {
            line.add("--map-root-user");
        }
        line.addAll(List.of(
                "--mount",
                "--",
                "sh",
                "-c",
                "root=$1 folder=$2; shift 2; mount --rbind /proc \"$root/proc\" && mount --rbind /sys \"$root/sys\""
                        + " && mount --bind \"$folder\" \"$root/mnt\" && exec chroot \"$root\" \"$@\"",
                "sh",
                root.toString(),
                folder.toAbsolutePath().toString()));
        line.addAll(command);
        return line;
    }

    /**
     * A command line that replaces itself by the command, so that its process id is the program's own.
     *
     * @param root the folder that is to be the root of the command
     * @param command the program, as it is seen there, and its arguments
     * @return the command line for this machine
     */
    public static List<String> enter(Path root, List<String> command) {
        List<String> line = new ArrayList<>(
                IS_ROOT
                        ? List.of("chroot", root.toString())
                        : List.of("unshare", "--map-root-user", "--root=" + root, "--wd=/", "--"));
        line.addAll(command);
        return line;
    }

    /** A command line that runs a command as the first process of a pid namespace, which ends with it. */
    static List<String> contained(List<String> command) {
        List<String> line = new ArrayList<>(List.of("unshare"));
        if (!IS_ROOT) {
            line.add("--map-root-user");
        }
        line.addAll(List.of("--pid", "--fork", "--kill-child", "--"));
        line.addAll(command);
        return line;
    }

    /** The oldest release, with a C compiler. */
    static Path compilerRoot() {
        return prepared("bullseye-gcc");
    }

    private static Path prepared(String folder) {
        Path root = cache().resolve("releases").resolve(folder);
        if (!Files.isRegularFile(root.resolve(".heapwalk-recipe"))) {
            throw new IllegalStateException(
                    "no Debian release in " + root + ": run script/releases, which prepares it");
        }
        return root;
    }

    /** Asked once, and only where wanted. */
    private static final class Chosen {
        private static final List<Release> RELEASES = chosen();

        private static List<Release> chosen() {
            List<Release> every = List.of(BULLSEYE, BOOKWORM, TRIXIE, SID);
            String list = Optional.ofNullable(System.getenv(VARIABLE)).orElse("");
            if (list.isBlank()) {
                return every;
            }
            List<String> names = List.of(list.strip().split("[ ,]+"));
            List<Release> chosen = every.stream()
                    .filter(release -> names.contains(release.label()))
                    .toList();
            if (chosen.size() != names.size() || !chosen.contains(TRIXIE)) {
                throw new IllegalStateException(
                        VARIABLE + " is '" + list + "': it must name trixie, and others of bullseye, bookworm and sid");
            }
            return chosen;
        }
    }

    private static boolean isRoot() {
        try {
            return Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
        } catch (IOException e) {
            throw new UncheckedIOException("could not ask whose process this is", e);
        }
    }
}
