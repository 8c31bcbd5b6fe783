// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.Target;
import java.nio.file.Path;

/** A core file. */
public final class CoreTarget {
    private CoreTarget() {}

    /**
     * Opens a core file.
     *
     * @param core the file
     * @param sysroot the folder under which the mapped files lie
     * @return the target
     */
    public static Target open(Path core, Path sysroot) {
        throw new UnsupportedOperationException();
    }
}
