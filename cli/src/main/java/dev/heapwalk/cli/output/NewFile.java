// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A file that gets its name when it is complete, which nobody but its owner may read, and of which nothing is left if
 * that does not come to pass, also if the JVM ends before. The folder may be another user's: what is written is the
 * file that was made here, whatever becomes of its name, and it is checked in the end that the name is that file's.
 */
final class NewFile implements AutoCloseable {
    private static final int MOST_TRIES = 100;

    private final Path wanted;
    private final Place.Name place;
    private final AtExit atExit;
    private Descriptor file;
    /** The name that it has in the meantime; null before it has one, and when there is nothing to remove any more. */
    private String temporary;

    private FileChannel channel;
    private boolean ended;

    /**
     * Makes the file.
     *
     * @param wanted what was asked for
     * @param place where that leads; closed with this
     */
    NewFile(Path wanted, Place.Name place) throws IOException {
        this.wanted = wanted;
        this.place = place;
        // Before there is anything to remove, so that nothing is left whenever the JVM ends.
        atExit = new AtExit("remove what is half written", this::end);
        boolean made = false;
        try {
            make();
            made = true;
        } finally {
            if (!made) {
                close();
            }
        }
    }

    private synchronized void make() throws IOException {
        checkRunning();
        for (int tries = 1; file == null; tries++) {
            long number = ThreadLocalRandom.current().nextLong(Long.MAX_VALUE);
            String name = "." + place.name() + "." + number + ".part";
            try {
                file = place.folder()
                        .open(name, Descriptor.WRITE | Descriptor.CREATE | Descriptor.EXCLUSIVE | Descriptor.NO_FOLLOW);
                temporary = name;
            } catch (FileAlreadyExistsException e) {
                if (tries == MOST_TRIES) {
                    throw e;
                }
            }
        }
        // The same file, whatever has its name by now.
        channel = FileChannel.open(file.path(), StandardOpenOption.WRITE);
    }

    private void checkRunning() throws IOException {
        if (ended) {
            throw new IOException("the command is ending");
        }
    }

    private synchronized void end() {
        ended = true;
        discard();
    }

    /** Where its bytes go. */
    FileChannel channel() {
        return channel;
    }

    /**
     * Gives the file its name.
     *
     * @throws RefusedException if somebody else has taken its names away or given them to another file
     */
    synchronized void complete() throws IOException {
        channel.close();
        checkRunning();
        try {
            if (!isStillThere()) {
                throw new RefusedException(
                        "can't write %s: another user has moved what was written of it".formatted(wanted));
            }
            place.folder().rename(temporary, place.name());
        } catch (NoSuchFileException e) {
            throw new RefusedException(
                    "can't write %s: another user has removed what was written of it".formatted(wanted));
        }
        temporary = null;
        if (!isNamed()) {
            throw new RefusedException(
                    "%s is not what was written: another user has changed the folder meanwhile".formatted(wanted));
        }
    }

    private boolean isStillThere() throws IOException {
        try (Descriptor found = place.folder().open(temporary, Descriptor.PATH | Descriptor.NO_FOLLOW)) {
            return found.status().same(file.status());
        }
    }

    /** Whether the path that was asked for leads to the file. */
    private boolean isNamed() throws IOException {
        try (Place found = Place.of(wanted)) {
            Descriptor.Status own = file.status();
            return found instanceof Place.Name name
                    && name.file().filter(own::same).isPresent();
        } catch (RefusedException | NoSuchFileException e) {
            return false;
        }
    }

    private void discard() {
        if (temporary == null) {
            return;
        }
        try {
            if (isStillThere()) {
                place.folder().remove(temporary);
                temporary = null;
            }
        } catch (IOException e) {
            // It stays, empty, under a name that tells what it is, or under one that another user gave it.
        }
        if (temporary != null) {
            temporary = null;
            try {
                FileChannel.open(file.path(), StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)
                        .close();
            } catch (IOException e) {
                // There is no other way to empty it.
            }
        }
    }

    @Override
    public synchronized void close() {
        discard();
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException e) {
            // What matters was written before the file got its name.
        }
        if (file != null) {
            file.close();
        }
        place.close();
        atExit.close();
    }
}
