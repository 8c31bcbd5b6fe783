// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a path leads, found folder by folder through descriptors. A symbolic link on the way or at the end is followed
 * only if it belongs to who runs this process, or to root, in whatever folder it is, and whether or not it leads to
 * anything. That is stricter than the kernel, which under {@code fs.protected_symlinks} also follows what the owner of
 * a shared folder has put there, and what anybody has put into a folder of their own.
 */
sealed interface Place extends AutoCloseable {

    /**
     * A name in a folder.
     *
     * @param folder the folder
     * @param name a name in it, with no {@code /}
     * @param file the regular file that has the name now
     */
    record Name(Descriptor folder, String name, Optional<Descriptor.Status> file) implements Place {
        @Override
        public void close() {
            folder.close();
        }
    }

    /**
     * A pipe or a device, which is written in place.
     *
     * @param found it, not opened to write
     */
    record Special(Descriptor found) implements Place {
        @Override
        public void close() {
            found.close();
        }
    }

    /**
     * What this process has open, as {@code /dev/stdout} and {@code /dev/fd/63} say.
     *
     * @param descriptor its number
     */
    record Open(int descriptor) implements Place {
        @Override
        public void close() {}
    }

    @Override
    void close();

    /**
     * Finds out where a path leads.
     *
     * @throws RefusedException if that is by a link, or to a pipe, of another user
     */
    static Place of(Path path) throws IOException {
        try (Walk walk = new Walk(path, false)) {
            return walk.end();
        }
    }

    /**
     * Finds out where a path leads, and makes the folders on the way that are not there, for their owner alone.
     *
     * @throws RefusedException if that is by a link, or to a pipe, of another user
     */
    static Place made(Path path) throws IOException {
        try (Walk walk = new Walk(path, true)) {
            return walk.end();
        }
    }

    /** A walk from folder to folder. */
    final class Walk implements AutoCloseable {
        /** As many as the kernel follows. */
        private static final int MOST_LINKS = 40;

        /** Links here lead to what a process has or uses, and what they say is for people. */
        private static final Pattern OF_A_PROCESS = Pattern.compile("/proc/([0-9]+)(/.*)?");

        private static final Pattern DESCRIPTORS = Pattern.compile("/proc/([0-9]+)(/task/[0-9]+)?/fd");

        private final Path path;
        private final Deque<String> rest = new ArrayDeque<>();
        /** Whether folders are made that are not there. */
        private final boolean makes;

        private Descriptor folder;
        private int links;

        Walk(Path path, boolean makes) throws IOException {
            this.path = path;
            this.makes = makes;
            begin(path.toString());
        }

        /** Puts a path before the rest. */
        private void begin(String text) throws IOException {
            List<String> names = List.of(text.split("/+"));
            for (int i = names.size() - 1; i >= 0; i--) {
                if (!names.get(i).isEmpty()) {
                    rest.push(names.get(i));
                }
            }
            if (text.startsWith("/")) {
                go(Descriptor.WORKING_FOLDER.open("/", Descriptor.PATH | Descriptor.FOLDER));
            } else if (folder == null) {
                go(Descriptor.WORKING_FOLDER.open(".", Descriptor.PATH | Descriptor.FOLDER));
            }
        }

        private void go(Descriptor next) {
            if (folder != null) {
                folder.close();
            }
            folder = next;
        }

        Place end() throws IOException {
            while (!rest.isEmpty()) {
                String name = rest.pop();
                boolean last = rest.isEmpty();
                if (name.equals(".")) {
                    continue;
                }
                if (!last || name.equals("..")) {
                    try {
                        go(folder.open(name, Descriptor.PATH | Descriptor.FOLDER | Descriptor.NO_FOLLOW));
                        continue;
                    } catch (Descriptor.NotFolderException e) {
                        // A link, or what is no folder.
                    } catch (NoSuchFileException e) {
                        if (!makes) {
                            throw e;
                        }
                        make(name);
                        continue;
                    }
                }
                Descriptor found;
                try {
                    found = folder.open(name, Descriptor.PATH | Descriptor.NO_FOLLOW);
                } catch (NoSuchFileException e) {
                    if (last) {
                        checkDescriptors();
                        return new Name(keep(), name, Optional.empty());
                    }
                    throw e;
                }
                Place place = null;
                try {
                    place = at(found, name, last);
                } finally {
                    if (!(place instanceof Special) && found != folder) {
                        found.close();
                    }
                }
                if (place != null) {
                    return place;
                }
            }
            throw new IOException("it is a folder");
        }

        private void make(String name) throws IOException {
            try {
                folder.makeFolder(name);
            } catch (FileAlreadyExistsException e) {
                // Another one has made it meanwhile.
            }
            rest.push(name);
        }

        /** Looks at the next thing. Returns null if it was not the end. */
        private Place at(Descriptor found, String name, boolean last) throws IOException {
            Descriptor.Status status = found.status();
            if (status.isFolder()) {
                go(found);
                return null;
            }
            if (status.isLink()) {
                return follow(found, status, name, last);
            }
            if (!last) {
                throw new FileSystemException(path.toString(), null, "Not a directory");
            }
            if (status.isRegular()) {
                return new Name(keep(), name, Optional.of(status));
            }
            if (status.isSocket()) {
                throw new IOException("it is a socket");
            }
            if (status.isPipe() && !status.isOurs()) {
                throw new RefusedException("can't write %s: it is a pipe of another user (uid %s)"
                        .formatted(path, Integer.toUnsignedString(status.owner())));
            }
            return new Special(found);
        }

        private Place follow(Descriptor link, Descriptor.Status status, String name, boolean last) throws IOException {
            String here = here();
            Matcher ofProcess = OF_A_PROCESS.matcher(here);
            if (ofProcess.matches()) {
                if (last
                        && DESCRIPTORS.matcher(here).matches()
                        && ofProcess.group(1).equals(self())) {
                    return new Open(Integer.parseInt(name));
                }
                refuseOthers(status, here, name);
                if (last) {
                    throw new IOException("it is what another process has open, or a link of the kernel's");
                }
                go(folder.open(name, Descriptor.PATH | Descriptor.FOLDER));
                return null;
            }
            refuseOthers(status, here, name);
            if (++links > MOST_LINKS) {
                throw new FileSystemException(path.toString(), null, "Too many levels of symbolic links");
            }
            begin(link.link());
            return null;
        }

        private void checkDescriptors() throws IOException {
            if (DESCRIPTORS.matcher(here()).matches()) {
                throw new IOException("there is no such descriptor");
            }
        }

        /** The folder's path. */
        private String here() throws IOException {
            return Files.readSymbolicLink(folder.path()).toString();
        }

        private void refuseOthers(Descriptor.Status status, String here, String name) {
            if (!status.isOurs()) {
                String link = (here.equals("/") ? "" : here) + "/" + name;
                throw new RefusedException(
                        "can't write %s: %s is a symbolic link of another user (uid %s); name what it leads to if you trust it"
                                .formatted(path, link, Integer.toUnsignedString(status.owner())));
            }
        }

        private static String self() throws IOException {
            return Files.readSymbolicLink(Path.of("/proc/self")).toString();
        }

        private Descriptor keep() {
            Descriptor kept = folder;
            folder = null;
            return kept;
        }

        @Override
        public void close() {
            go(null);
        }
    }
}
