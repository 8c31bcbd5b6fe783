// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * A file or a folder that this process has open, by its number. What is opened, renamed or removed by a name below it
 * is found from the open folder itself: who can change the folders on the way to it can't turn that elsewhere.
 */
final class Descriptor implements AutoCloseable {
    /** Stands for the folder that the process works in. */
    static final Descriptor WORKING_FOLDER = new Descriptor(-100, false);

    static final int READ = 0;
    static final int WRITE = 1;
    static final int READ_WRITE = 2;
    static final int CREATE = 0100;
    static final int EXCLUSIVE = 0200;
    /** A terminal does not become the process's own. */
    static final int NO_TERMINAL = 0400;
    /** For a name below it or its status alone: nothing is opened, so a pipe does not wait and no right is needed. */
    static final int PATH = 0x200000;

    // The kernel gives these two other values on Arm.
    private static final boolean ARM = System.getProperty("os.arch").equals("aarch64");
    static final int FOLDER = ARM ? 0x4000 : 0x10000;
    static final int NO_FOLLOW = ARM ? 0x8000 : 0x20000;

    private static final int CLOSE_ON_EXEC = 0x80000;

    private static final int ENOENT = 2;
    private static final int EINTR = 4;
    private static final int EACCES = 13;
    private static final int EEXIST = 17;
    private static final int ENOTDIR = 20;

    private static final int EMPTY_PATH = 0x1000;
    private static final int BASIC_STATUS = 0x7ff;
    private static final int STATUS_BYTES = 256;
    private static final int LONGEST_LINK = 4096;

    private static final StructLayout STATE = Linker.Option.captureStateLayout();
    private static final long ERRNO = STATE.byteOffset(StructLayout.PathElement.groupElement("errno"));

    private static final MethodHandle OPENAT = handle(
            "openat",
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT),
            Linker.Option.firstVariadicArg(3));
    private static final MethodHandle MKDIRAT =
            handle("mkdirat", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
    private static final MethodHandle STATX =
            handle("statx", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS));
    private static final MethodHandle READLINKAT =
            handle("readlinkat", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG));
    private static final MethodHandle RENAMEAT =
            handle("renameat", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS));
    private static final MethodHandle UNLINKAT =
            handle("unlinkat", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
    private static final MethodHandle WRITING =
            handle("write", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
    private static final MethodHandle CLOSE = handle("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    private static final MethodHandle GETEUID = handle("geteuid", FunctionDescriptor.of(JAVA_INT));

    private final int number;
    private boolean open;

    private Descriptor(int number, boolean own) {
        this.number = number;
        this.open = own;
    }

    /**
     * What a file is.
     *
     * @param device the file system that it is on
     * @param inode its number there
     * @param mode its type and who may do what with it
     * @param owner the user's id
     */
    record Status(long device, long inode, int mode, int owner) {
        private static final int TYPE = 0170000;
        private static final int PIPE = 0010000;
        private static final int DIRECTORY = 0040000;
        private static final int REGULAR = 0100000;
        private static final int LINK = 0120000;
        private static final int SOCKET = 0140000;

        boolean isFolder() {
            return (mode & TYPE) == DIRECTORY;
        }

        boolean isRegular() {
            return (mode & TYPE) == REGULAR;
        }

        boolean isLink() {
            return (mode & TYPE) == LINK;
        }

        boolean isPipe() {
            return (mode & TYPE) == PIPE;
        }

        boolean isSocket() {
            return (mode & TYPE) == SOCKET;
        }

        /** Whether it is another name of the same file. */
        boolean same(Status other) {
            return device == other.device && inode == other.inode;
        }

        /** Whether it belongs to who runs this process, or to root, who needs no tricks. */
        boolean isOurs() {
            return owner == 0 || owner == user();
        }
    }

    private static MethodHandle handle(String function, FunctionDescriptor descriptor, Linker.Option... more) {
        Linker linker = Linker.nativeLinker();
        Linker.Option[] options = new Linker.Option[more.length + 1];
        options[0] = Linker.Option.captureCallState("errno");
        System.arraycopy(more, 0, options, 1, more.length);
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(function), descriptor, options);
    }

    /** A call of the C library. */
    private interface Call {
        /** Returns -1 if it failed. */
        long with(MemorySegment state, Arena arena) throws Throwable;
    }

    /** Makes a call, again if a signal came in between. */
    private static long call(String name, Call call) throws FileSystemException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(STATE);
            long result;
            int errno;
            do {
                result = call.with(state, arena);
                errno = result < 0 ? state.get(JAVA_INT, ERRNO) : 0;
            } while (errno == EINTR);
            if (result < 0) {
                throw failure(name, errno);
            }
            return result;
        } catch (FileSystemException | RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError("a C function throws nothing else", e);
        }
    }

    private static FileSystemException failure(String name, int errno) {
        return switch (errno) {
            case ENOENT -> new NoSuchFileException(name);
            case EACCES -> new AccessDeniedException(name);
            case EEXIST -> new FileAlreadyExistsException(name);
            case ENOTDIR -> new NotFolderException(name);
            default -> new FileSystemException(name, null, Text.of(errno));
        };
    }

    /** A folder was wanted, and there is something else. */
    static final class NotFolderException extends FileSystemException {
        private static final long serialVersionUID = 1L;

        NotFolderException(String name) {
            super(name, null, "Not a directory");
        }
    }

    /** What the C library calls an error. */
    private static final class Text {
        private static final MethodHandle STRERROR = Linker.nativeLinker()
                .downcallHandle(
                        Linker.nativeLinker().defaultLookup().findOrThrow("strerror"),
                        FunctionDescriptor.of(ADDRESS, JAVA_INT));

        static String of(int errno) {
            try {
                MemorySegment text = (MemorySegment) STRERROR.invokeExact(errno);
                return text.reinterpret(Short.MAX_VALUE).getString(0);
            } catch (RuntimeException | Error e) {
                throw e;
            } catch (Throwable e) {
                throw new AssertionError("a C function throws nothing else", e);
            }
        }
    }

    /** The id of the user whose rights this process has. */
    static int user() {
        try {
            return (int) call("", (state, arena) -> (int) GETEUID.invokeExact(state));
        } catch (FileSystemException e) {
            throw new AssertionError("it does not fail", e);
        }
    }

    /** A descriptor that this process was started with. It stays open. */
    static Descriptor inherited(int number) {
        return new Descriptor(number, false);
    }

    /** Opens a name below this folder, or one that begins with {@code /}. */
    Descriptor open(String name, int flags) throws FileSystemException {
        int mode = 0600;
        int opened = (int) call(name, (state, arena) ->
                (int) OPENAT.invokeExact(state, number, arena.allocateFrom(name), flags | CLOSE_ON_EXEC, mode));
        return new Descriptor(opened, true);
    }

    /** Makes a folder below this one, for its owner alone. */
    void makeFolder(String name) throws FileSystemException {
        int mode = 0700;
        call(name, (state, arena) -> (int) MKDIRAT.invokeExact(state, number, arena.allocateFrom(name), mode));
    }

    Status status() throws FileSystemException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment got = arena.allocate(STATUS_BYTES, Long.BYTES);
            call("", (state, more) ->
                    (int) STATX.invokeExact(state, number, more.allocateFrom(""), EMPTY_PATH, BASIC_STATUS, got));
            long device = (long) got.get(JAVA_INT, 136) << 32 | got.get(JAVA_INT, 140) & 0xffff_ffffL;
            return new Status(device, got.get(JAVA_LONG, 32), got.get(JAVA_SHORT, 28) & 0xffff, got.get(JAVA_INT, 20));
        }
    }

    /** What a symbolic link says that was opened without being followed. */
    String link() throws FileSystemException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocate(LONGEST_LINK);
            long length = call("", (state, more) ->
                    (long) READLINKAT.invokeExact(state, number, more.allocateFrom(""), text, (long) LONGEST_LINK));
            byte[] bytes = new byte[(int) length];
            MemorySegment.copy(text, JAVA_BYTE, 0, bytes, 0, bytes.length);
            return new String(bytes, StandardCharsets.UTF_8);
        }
    }

    /** Gives what has a name in this folder another one there, in place of what had that. */
    void rename(String from, String to) throws FileSystemException {
        call(from, (state, arena) ->
                (int) RENAMEAT.invokeExact(state, number, arena.allocateFrom(from), number, arena.allocateFrom(to)));
    }

    void remove(String name) throws FileSystemException {
        call(name, (state, arena) -> (int) UNLINKAT.invokeExact(state, number, arena.allocateFrom(name), 0));
    }

    /** Writes the first bytes of native memory. Returns how many were taken. */
    long write(MemorySegment bytes, long length) throws FileSystemException {
        return call("descriptor " + number, (state, arena) -> (long) WRITING.invokeExact(state, number, bytes, length));
    }

    /** A name for the file that is open, whatever becomes of the one that it was opened by. */
    Path path() {
        return Path.of("/proc/self/fd/" + number);
    }

    @Override
    public void close() {
        if (!open) {
            return;
        }
        open = false;
        try (Arena arena = Arena.ofConfined()) {
            // What fails has closed it nevertheless.
            int ignored = (int) CLOSE.invokeExact(arena.allocate(STATE), number);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError("a C function throws nothing else", e);
        }
    }
}
