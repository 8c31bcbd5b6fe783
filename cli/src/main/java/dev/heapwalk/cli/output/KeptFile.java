// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/**
 * A file that is kept from one command to another and changed by several, one after the other: while one has it open,
 * others wait. Nobody but its owner may read it. Where it lies is found as where dumps go: {@link Place}.
 */
public final class KeptFile implements AutoCloseable {
    private final Path path;
    private final FileChannel channel;

    private KeptFile(Path path, FileChannel channel, boolean shared) throws IOException {
        this.path = path;
        this.channel = channel;
        boolean locked = false;
        try {
            // Let go with the channel.
            FileLock _ = channel.lock(0, Long.MAX_VALUE, shared);
            locked = true;
        } finally {
            if (!locked) {
                channel.close();
            }
        }
    }

    /** Changes what a file holds. */
    public interface Change {
        /**
         * Writes.
         *
         * @param from what it holds
         * @param to what it is to hold, empty yet
         */
        void write(FileChannel from, FileChannel to) throws IOException;
    }

    /**
     * Opens a file that is to be changed; makes it where there is none, empty, and the folders on the way to it.
     *
     * @throws RefusedException if it is another user's, or another user has a hand in where that is
     */
    public static KeptFile change(Path path) {
        try {
            while (true) {
                Optional<KeptFile> file = opened(path);
                if (file.isPresent()) {
                    return file.get();
                }
            }
        } catch (IOException e) {
            throw failure("write", path, e);
        }
    }

    /** Opens it; empty if another command has put a new one in its place meanwhile. */
    private static Optional<KeptFile> opened(Path path) throws IOException {
        try (Place place = Place.made(path)) {
            if (!(place instanceof Place.Name name)) {
                throw new IOException("it is no file");
            }
            Descriptor.Status status;
            FileChannel channel;
            // Closed before there is a lock: the kernel lets go of it with any descriptor of the file.
            try (Descriptor found =
                    name.folder().open(name.name(), Descriptor.READ_WRITE | Descriptor.CREATE | Descriptor.NO_FOLLOW)) {
                status = found.status();
                if (!status.isRegular()) {
                    throw new IOException("it is no file");
                }
                if (!status.isOurs()) {
                    throw new RefusedException("can't write %s: it belongs to another user (uid %s)"
                            .formatted(path, Integer.toUnsignedString(status.owner())));
                }
                channel = FileChannel.open(found.path(), StandardOpenOption.READ, StandardOpenOption.WRITE);
            }
            KeptFile file = new KeptFile(path, channel, false);
            if (isNamed(path, status)) {
                return Optional.of(file);
            }
            file.close();
            return Optional.empty();
        }
    }

    /** Whether a path leads to a file. */
    private static boolean isNamed(Path path, Descriptor.Status file) throws IOException {
        try (Place place = Place.of(path)) {
            return place instanceof Place.Name name
                    && name.file().filter(file::same).isPresent();
        } catch (NoSuchFileException e) {
            return false;
        }
    }

    /**
     * Opens a file to read it.
     *
     * @return the file; empty if there is none
     */
    public static Optional<KeptFile> read(Path path) {
        try {
            if (Files.exists(path) && !Files.isRegularFile(path)) {
                throw new IOException("it is no file");
            }
            return Optional.of(new KeptFile(path, FileChannel.open(path, StandardOpenOption.READ), true));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw failure("read", path, e);
        }
    }

    /**
     * Deletes a file as soon as no other command has it open to change it. One that waits for that makes a new one.
     *
     * @throws RefusedException if it is another user's, or another user has a hand in where that is
     */
    public static void delete(Path path) {
        try (KeptFile _ = change(path);
                Place place = Place.of(path)) {
            if (place instanceof Place.Name name) {
                name.folder().remove(name.name());
            }
        } catch (IOException e) {
            throw failure("delete", path, e);
        }
    }

    /** What it is called. */
    public Path path() {
        return path;
    }

    /** What it holds. */
    public FileChannel channel() {
        return channel;
    }

    /**
     * Puts another file in its place, which gets its name when all of it is written. This one is only good to be closed
     * then.
     */
    public void replace(Change change) {
        try (NewFile file = new NewFile(path, (Place.Name) Place.of(path))) {
            change.write(channel, file.channel());
            file.channel().force(true);
            file.complete();
        } catch (IOException e) {
            throw failure("write", path, e);
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw failure("close", path, e);
        }
    }

    /** Says that a file could not be read or written, and why. */
    public static UncheckedIOException failure(String verb, Path file, IOException e) {
        String reason = switch (e) {
            case NoSuchFileException none -> "there is no such folder";
            case AccessDeniedException denied -> "permission denied";
            case FileSystemException other when other.getReason() != null -> other.getReason();
            default -> e.getMessage();
        };
        return new UncheckedIOException(new IOException("can't %s %s: %s".formatted(verb, file, reason), e));
    }
}
