// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;

/** Makes core files of processes. */
public final class Cores {
    private Cores() {}

    /**
     * Lets gdb write a core of a process, which goes on.
     *
     * @param release the release whose gdb is used; for others than the machine's own, the one in its copy with debug
     *     symbols
     * @param pid the process
     * @param folder where to put it
     * @return the core file
     * @throws IOException if gdb can't; with its words
     */
    public static Path gcore(Release release, long pid, Path folder) throws IOException {
        String name = "core." + pid;
        List<String> line = List.of(
                "gdb",
                "-q",
                "-nx",
                "-batch",
                "-iex",
                "set sysroot /",
                "-p",
                Long.toString(pid),
                "-ex",
                "generate-core-file " + release.seen(folder) + "/" + name);
        String said =
                Command.of(release.commandBeside(folder, true, line)).run("write a core of process " + pid, false);
        Path core = folder.resolve(name);
        if (!Files.isRegularFile(core) || Files.size(core) == 0) {
            throw new IOException("gdb wrote no core of process " + pid + ":\n" + said);
        }
        return core;
    }

    /**
     * Lets gdb run a program until a signal stops it, and write a core of that moment.
     *
     * @param release the release in whose copy with debug symbols it runs
     * @param program the program
     * @param folder where to put the core
     * @return the core file
     * @throws IOException if gdb can't; with its words
     */
    public static Path ofCrash(Release release, CProgram program, Path folder) throws IOException {
        String name = "core.crash";
        List<String> line = List.of(
                "gdb",
                "-q",
                "-nx",
                "-batch",
                "-ex",
                "run",
                "-ex",
                "generate-core-file " + release.seen(folder) + "/" + name,
                "-ex",
                "kill",
                program.install(release, true));
        String said = Command.of(release.commandBeside(folder, true, line)).run("write a core of a crash", false);
        Path core = folder.resolve(name);
        if (!said.contains("received signal") || !Files.isRegularFile(core)) {
            throw new IOException("gdb wrote no core of a crash:\n" + said);
        }
        return core;
    }

    /**
     * Lets gdb write a core of a ledger process, which goes on.
     *
     * @param process the process
     * @param folder where to put it
     * @return the core file
     * @throws IOException if gdb can't; with its words
     */
    public static Path gcore(LedgerProcess process, Path folder) throws IOException {
        return gcore(process.release(), process.pid(), folder);
    }

    /**
     * Lets gdb write a core of a Ruby process, which goes on.
     *
     * @param process the process
     * @param folder where to put it
     * @return the core file
     * @throws IOException if gdb can't; with its words
     */
    public static Path gcore(RubyProcess process, Path folder) throws IOException {
        return gcore(process.ruby().release().orElse(Release.HOST), process.pid(), folder);
    }

    /**
     * Lets gdb write a core of a Python process, which goes on.
     *
     * @param process the process
     * @param folder where to put it
     * @return the core file
     * @throws IOException if gdb can't; with its words
     */
    public static Path gcore(PythonProcess process, Path folder) throws IOException {
        return gcore(process.python().release(), process.pid(), folder);
    }

    /**
     * Ends a ledger process by a signal on which the kernel writes a core, or {@code qemu-aarch64} writes one of its
     * guest. Where the kernel writes none, gdb writes one before the process ends, and the output says so.
     *
     * @param process the process
     * @param folder where to put it
     * @return the core file
     * @throws IOException if there is none
     */
    public static Path abort(LedgerProcess process, Path folder) throws IOException {
        if (!process.isGuest() && !ThisMachine.writesKernelCores()) {
            gdbInPlaceOfTheKernel();
            Path core = gcore(process, folder);
            process.close();
            return core;
        }
        return left(process.root(), process.isGuest(), process.pid(), folder, process::abortIn);
    }

    /**
     * Ends a Python process that {@code qemu-aarch64} runs by a signal, on which that writes a core of its guest.
     *
     * @param process the process
     * @param folder where to put it
     * @param end lets the process end and dump a core into a folder, as the process sees that
     * @return the core file
     * @throws IOException if there is none
     */
    public static Path ofGuest(PythonProcess process, Path folder, Ending end) throws IOException {
        return left(process.python().root(), true, process.pid(), folder, end);
    }

    /** How a process ends. */
    @FunctionalInterface
    public interface Ending {
        /**
         * Lets it end.
         *
         * @param folder the folder that a core is to be dumped into, as the process sees it
         * @throws IOException if it does not
         */
        void endIn(String folder) throws IOException;
    }

    private static Path left(Path root, boolean guest, long pid, Path folder, Ending end) throws IOException {
        Path working = Files.createTempDirectory(
                root.resolve("tmp"),
                "heapwalk-core",
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxrwxrwx")));
        try {
            // The folder is made with less than was asked for, by the mask.
            Files.setPosixFilePermissions(working, PosixFilePermissions.fromString("rwxrwxrwx"));
            end.endIn("/" + root.relativize(working));
            // The emulator leaves one of its own as well.
            List<Path> cores = list(working).stream()
                    .filter(file -> file.getFileName().toString().startsWith("qemu_") == guest)
                    .toList();
            if (cores.size() != 1) {
                throw new IOException("process " + pid + " left no core in " + working + " but " + cores);
            }
            return Files.move(cores.getFirst(), folder.resolve("core." + pid));
        } finally {
            for (Path left : list(working)) {
                Files.delete(left);
            }
            Files.delete(working);
        }
    }

    /** Says in the output of the tests that gdb writes a core that the kernel should have written. */
    public static void gdbInPlaceOfTheKernel() {
        ThisMachine.leavesOut(
                "cores written by the kernel; gdb writes them in their place",
                "the kernel writes none where a process runs: /proc/sys/kernel/core_pattern is '"
                        + ThisMachine.corePattern() + "'");
    }

    private static List<Path> list(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.toList();
        }
    }
}
