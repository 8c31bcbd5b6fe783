// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Files that are made and lose their names in one go: they are never opened by a name that another may have taken, and
 * nothing is left of them, however this process ends. They are for their owner alone.
 */
public final class NamelessFile {
    private static final int MOST_TRIES = 100;

    private static final Set<StandardOpenOption> HOW = Set.of(
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.DELETE_ON_CLOSE);
    private static final FileAttribute<Set<PosixFilePermission>> FOR_ITS_OWNER =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

    private NamelessFile() {}

    /** The folder where temporary files go. */
    public static Path usualFolder() {
        return Path.of(System.getProperty("java.io.tmpdir"));
    }

    /**
     * Makes one.
     *
     * @param folder where it takes room
     * @return an empty file
     * @throws IOException if it can't be made
     */
    public static FileChannel in(Path folder) throws IOException {
        for (int tries = 1; ; tries++) {
            long number = ThreadLocalRandom.current().nextLong(Long.MAX_VALUE);
            try {
                return FileChannel.open(folder.resolve("heapwalk" + number + ".spool"), HOW, FOR_ITS_OWNER);
            } catch (FileAlreadyExistsException e) {
                if (tries == MOST_TRIES) {
                    throw e;
                }
            }
        }
    }
}
