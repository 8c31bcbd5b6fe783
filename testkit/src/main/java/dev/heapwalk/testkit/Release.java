// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A Debian release to run target programs in: the machine's own, or one that {@code script/test} unpacked into the cache
 * folder and that is entered with {@code chroot}.
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
     * The releases that are unpacked in the cache folder.
     *
     * @return all but {@link #HOST}
     */
    public static List<Release> debian() {
        return List.of(BULLSEYE, BOOKWORM, TRIXIE, SID);
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
     * @throws IllegalStateException if it is not prepared
     */
    public Optional<Path> root(boolean debugSymbols) {
        if (this == HOST) {
            return Optional.empty();
        }
        Path root = cache().resolve("releases").resolve(debugSymbols ? label + "-dbg" : label);
        if (!Files.isDirectory(root)) {
            throw new IllegalStateException("no Debian " + label + " in " + root + ": run script/test, which prepares it");
        }
        return Optional.of(root);
    }

    /**
     * A command line that runs a program in the release.
     *
     * @param debugSymbols whether to run it in the copy that has {@code libc6-dbg}
     * @param command the program, as the release sees it, and its arguments
     * @return the command line for this machine
     */
    public List<String> command(boolean debugSymbols, List<String> command) {
        List<String> line = new ArrayList<>();
        root(debugSymbols).ifPresent(root -> line.addAll(List.of("chroot", root.toString())));
        line.addAll(command);
        return line;
    }
}
