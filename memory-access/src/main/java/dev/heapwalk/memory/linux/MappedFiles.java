// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.Mapping;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Map;

/**
 * The files that a process has mapped for itself alone. A page of such a mapping that the process does not have in its
 * memory is what its file has there. To read it in the process would make it resident there, so it is read from the
 * file.
 *
 * <p>The kernel's links in {@code map_files} lead to just that file, also where it was deleted, but only a privileged
 * user may follow them. Others open it by its path, where the same file is still there.
 */
final class MappedFiles {
    /** What {@link #read} returns where the file can't be opened. */
    static final long NOT_TO_BE_HAD = -1;

    private static final Path OWN_FILES = Path.of("/proc/self/fd");

    private final Libc libc;
    private final LiveProcess process;
    private volatile boolean linksRefused;

    MappedFiles(Libc libc, LiveProcess process) {
        this.libc = libc;
        this.process = process;
    }

    /** Whether what is not in memory of a mapping is in a file that may be read. */
    static boolean isFile(Mapping mapping) {
        return !mapping.shared() && !mapping.anonymous() && !mapping.ofDriver();
    }

    /**
     * Reads from the file of a mapping.
     *
     * @param mark the caller's own
     * @param mapping one that {@link #isFile}
     * @param address target address within it
     * @param destination native memory
     * @param length how many bytes, up to the end of the mapping
     * @return how many were read; fewer than that where the file ends, and {@link #NOT_TO_BE_HAD} where it can't be
     *     opened
     */
    long read(Watch.Mark mark, Mapping mapping, long address, MemorySegment destination, long length) {
        mark.begin(address, length);
        int file = open(mapping);
        try {
            return file < 0 ? NOT_TO_BE_HAD : read(mark, file, mapping, address, destination, length);
        } finally {
            mark.end();
            if (file >= 0) {
                libc.close(file);
            }
        }
    }

    private long read(
            Watch.Mark mark, int file, Mapping mapping, long address, MemorySegment destination, long length) {
        long offset = mapping.fileOffset() + (address - mapping.start());
        long done = 0;
        while (done < length) {
            long got = libc.pread(file, destination.asSlice(done), length - done, offset + done);
            if (got == 0) {
                return done + restOfPage(file, destination, offset, done, length);
            }
            if (got < 0 && got != -Errno.EINTR) {
                return done == 0 ? NOT_TO_BE_HAD : done;
            }
            done += Math.max(0, got);
            mark.goesOn();
        }
        return done;
    }

    /** Behind its end, the last page of a mapped file is zero. Returns how much that is of what is wanted. */
    private long restOfPage(int file, MemorySegment destination, long offset, long done, long length) {
        long inPage = offset + done & process.pageSize() - 1;
        if (inPage == 0 || done == 0 && libc.pread(file, destination, 1, offset - inPage) != 1) {
            // The file ends before this page, which so can't be read.
            return 0;
        }
        long zeros = Math.min(process.pageSize() - inPage, length - done);
        destination.asSlice(done, zeros).fill((byte) 0);
        return zeros;
    }

    /** A descriptor of the file, or a negative number. */
    private int open(Mapping mapping) {
        if (!linksRefused) {
            int file = open(process.mappedFile(mapping));
            if (file != -Errno.EPERM && file != -Errno.EACCES) {
                return file;
            }
            linksRefused = true;
        }
        Path path = process.root().resolve(mapping.path().substring(1));
        if (!isMapped(path, mapping)) {
            return -Errno.ENOENT;
        }
        int file = open(path);
        if (file >= 0 && !isMapped(OWN_FILES.resolve(String.valueOf(file)), mapping)) {
            libc.close(file);
            return -Errno.ENOENT;
        }
        return file;
    }

    /** Whether a path leads to the file of a mapping: nothing else that bears its name is opened. */
    private boolean isMapped(Path path, Mapping mapping) {
        try {
            Map<String, Object> found = Files.readAttributes(path, "unix:dev,ino");
            return process.isMapped(mapping.path(), number(found.get("dev")), number(found.get("ino")));
        } catch (IOException | UnsupportedOperationException | InvalidPathException e) {
            return false;
        }
    }

    private static long number(Object attribute) {
        return ((Number) attribute).longValue();
    }

    private int open(Path path) {
        int file;
        do {
            file = libc.open(path.toString(), Libc.O_RDONLY | Libc.O_CLOEXEC);
        } while (file == -Errno.EINTR);
        return file;
    }
}
