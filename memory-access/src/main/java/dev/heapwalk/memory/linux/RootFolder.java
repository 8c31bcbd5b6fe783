// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import java.lang.ref.Cleaner;
import java.nio.file.Path;

/**
 * The root folder of a process's file system, held open by a descriptor: the way to it by the process's own folder ends
 * with the process. It is let go by {@link #close()}, or else when nobody can ask for a file below it any more.
 */
final class RootFolder implements AutoCloseable {
    private static final Path OWN_FILES = Path.of("/proc/self/fd");
    private static final Cleaner CLEANER = Cleaner.create(
            action -> Thread.ofPlatform().daemon().name("heapwalk folders").unstarted(action));

    private final Path path;
    private final Cleaner.Cleanable closing;

    /** What closes the descriptor, if there is one. Must not reach what it waits for. */
    private record Closing(Libc libc, int descriptor) implements Runnable {
        @Override
        public void run() {
            if (descriptor >= 0) {
                libc.close(descriptor);
            }
        }
    }

    /**
     * Opens the folder; where that can't be, it has the way by the process's own folder.
     *
     * @param user what everybody reaches who asks for files below it
     */
    RootFolder(Libc libc, LiveProcess process, Object user) {
        int descriptor = libc.open(process.root().toString(), Libc.O_PATH | Libc.O_CLOEXEC);
        this.path = descriptor < 0 ? process.root() : OWN_FILES.resolve(String.valueOf(descriptor));
        this.closing = CLEANER.register(user, new Closing(libc, descriptor));
    }

    /** The way to it, good until it is closed. */
    Path path() {
        return path;
    }

    /** Lets it go. A second call does nothing. */
    @Override
    public void close() {
        closing.clean();
    }
}
