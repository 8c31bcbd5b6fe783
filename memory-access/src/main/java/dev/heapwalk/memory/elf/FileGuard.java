// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import java.util.Optional;

/** Tells which files must not even be looked at, since the file system that they lie on may never answer. */
public interface FileGuard {
    /** Every file may be looked at. */
    FileGuard NONE = new FileGuard() {
        @Override
        public Optional<String> mayHang(String path) {
            return Optional.empty();
        }

        @Override
        public Optional<String> mayHangHere(String path) {
            return Optional.empty();
        }
    };

    /**
     * Whether a path of the target must be left alone.
     *
     * @param path a path from the target's root folder on
     * @return the type of the file system that may not answer, empty if it does
     */
    Optional<String> mayHang(String path);

    /**
     * Whether a path of this machine must be left alone.
     *
     * @param path a path as this process sees it
     * @return the type of the file system that may not answer, empty if it does
     */
    Optional<String> mayHangHere(String path);
}
