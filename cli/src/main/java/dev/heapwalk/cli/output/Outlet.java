// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where a path leads that is written: to a new file, or to something that is written in place.
 *
 * @param direct what is written in place; null where a file is made
 * @param regular whether it is a file, so that nothing waits for a reader
 * @param made the file; null where there is something to write to in place
 */
record Outlet(DirectOutput direct, boolean regular, NewFile made) {
    private static final int ACCESS_MODE = 3;
    private static final int CLOSE_ON_EXEC = 02000000;

    /**
     * Opens it.
     *
     * @param wanted a path; null for standard output
     * @throws RefusedException if another user has a hand in where that leads
     */
    static Outlet of(Path wanted) {
        if (wanted == null) {
            return new Outlet(new StandardOutput(), isRegular(1), null);
        }
        try {
            return switch (Place.of(wanted)) {
                case Place.Name name -> new Outlet(null, true, new NewFile(wanted, name));
                case Place.Special special -> new Outlet(opened(special), false, null);
                case Place.Open open -> new Outlet(inherited(open.descriptor()), isRegular(open.descriptor()), null);
            };
        } catch (IOException e) {
            throw KeptFile.failure("write", wanted, e);
        }
    }

    /** Opens a device, or a pipe as soon as somebody reads it. */
    private static DirectOutput opened(Place.Special special) throws IOException {
        try (special) {
            return new DirectOutput(new DescriptorStream(Descriptor.WORKING_FOLDER.open(
                    special.found().path().toString(), Descriptor.WRITE | Descriptor.NO_TERMINAL)));
        }
    }

    private static DirectOutput inherited(int descriptor) throws IOException {
        int flags = Files.readAllLines(Path.of("/proc/self/fdinfo/" + descriptor)).stream()
                .filter(line -> line.startsWith("flags:"))
                .mapToInt(line -> Integer.parseInt(line.substring(6).strip(), 8))
                .findFirst()
                .orElse(0);
        // What the JVM has opened for itself is not passed on to other programs, and was not passed on to it.
        if ((flags & ACCESS_MODE) == 0 || (flags & CLOSE_ON_EXEC) != 0) {
            throw new IOException("descriptor " + descriptor + " is not open to write");
        }
        return descriptor == 1
                ? new StandardOutput()
                : new DirectOutput(new DescriptorStream(Descriptor.inherited(descriptor)));
    }

    private static boolean isRegular(int descriptor) {
        return Files.isRegularFile(Path.of("/proc/self/fd/" + descriptor));
    }
}
