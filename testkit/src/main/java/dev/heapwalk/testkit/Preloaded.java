// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A library that a process loads before all others.
 *
 * @param library a file of this machine, empty for none
 */
record Preloaded(Optional<Path> library) {
    static final Preloaded NOTHING = new Preloaded(Optional.empty());

    /**
     * What stands before a command to have it load the library: the copy of it that is put into a folder.
     *
     * @param root the root of the command
     * @param folder a folder in it
     * @return the beginning of a command line, as it is seen there
     */
    List<String> before(Path root, TemporaryFolder folder) throws IOException {
        if (library.isEmpty()) {
            return List.of();
        }
        Path copy = folder.path().resolve(library.get().getFileName());
        Files.copy(library.get(), copy);
        return List.of("/usr/bin/env", "LD_PRELOAD=/" + root.relativize(copy));
    }
}
