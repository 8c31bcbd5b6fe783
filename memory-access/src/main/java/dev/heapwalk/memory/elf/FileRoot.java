// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * The root folder of a target's file system, such as {@code /proc/PID/root}. Symbolic links are followed inside it: an
 * absolute one begins at this root again, and none leads out of it.
 */
final class FileRoot {
    private static final int MOST_LINKS = 40;
    private static final Path HOST = Path.of("/");

    private final Path folder;
    private final String reality;
    private final boolean host;
    private final FileGuard guard;

    /** One of which every file may be looked at. */
    FileRoot(Path folder) {
        this(folder, FileGuard.NONE);
    }

    /**
     * Makes one.
     *
     * @param folder the root folder
     * @param guard which files must not be looked at
     */
    FileRoot(Path folder, FileGuard guard) {
        this.folder = folder;
        this.guard = guard;
        String real;
        try {
            real = folder.toRealPath().toString();
        } catch (IOException e) {
            real = "/";
        }
        reality = real;
        boolean same;
        try {
            // By device and inode: the path of a process's root tells nothing in another mount namespace.
            same = Files.isSameFile(folder, HOST);
        } catch (IOException e) {
            same = false;
        }
        host = same;
    }

    /** The folder for messages. */
    Path folder() {
        return folder;
    }

    /**
     * Regular files that may be the one that a target calls by a path, the likeliest first. The reader may see the
     * target's path with the root folder in front (a process in a chroot, a core that gdb wrote of one), and a file
     * that is not there may lie under this machine's own root. So the caller compares build ids.
     */
    List<Path> candidates(String path) {
        List<Path> found = new ArrayList<>();
        resolve(folder, path, false).ifPresent(found::add);
        if (!reality.equals("/") && path.startsWith(reality + "/")) {
            resolve(folder, path.substring(reality.length()), false).ifPresent(found::add);
        }
        if (!host) {
            resolve(HOST, path, true).ifPresent(found::add);
        }
        return found;
    }

    /** The file system that a path leads to, if it is not touched since it may never answer. */
    Optional<String> mayHang(String path) {
        return guard.mayHang(inside(path));
    }

    /** The path without the root folder, if it begins with that. */
    String inside(String path) {
        return !reality.equals("/") && path.startsWith(reality + "/") ? path.substring(reality.length()) : path;
    }

    private Optional<Path> resolve(Path base, String path, boolean here) {
        try {
            return walk(base, path, here);
        } catch (IOException | InvalidPathException e) {
            // Not there, not readable, or a name that this machine can't spell: all the same to the caller.
            return Optional.empty();
        }
    }

    private Optional<Path> walk(Path base, String path, boolean here) throws IOException {
        Deque<String> left = new ArrayDeque<>(List.of(path.split("/")));
        Deque<Path> done = new ArrayDeque<>();
        done.push(base);
        boolean regular = false;
        int links = 0;
        while (!left.isEmpty()) {
            String name = left.pop();
            if (name.isEmpty() || name.equals(".")) {
                continue;
            }
            if (name.equals("..")) {
                if (done.size() > 1) {
                    done.pop();
                }
                regular = false;
                continue;
            }
            Path next = done.element().resolve(name);
            String inside = "/" + base.relativize(next);
            if ((here ? guard.mayHangHere(inside) : guard.mayHang(inside)).isPresent()) {
                return Optional.empty();
            }
            BasicFileAttributes attributes =
                    Files.readAttributes(next, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            if (attributes.isSymbolicLink()) {
                if (++links > MOST_LINKS) {
                    return Optional.empty();
                }
                String link = Files.readSymbolicLink(next).toString();
                if (link.startsWith("/")) {
                    done.clear();
                    done.push(base);
                }
                String[] names = link.split("/");
                for (int i = names.length - 1; i >= 0; i--) {
                    left.push(names[i]);
                }
            } else {
                done.push(next);
                regular = attributes.isRegularFile();
            }
        }
        return regular ? Optional.of(done.element()) : Optional.empty();
    }
}
