// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * What the machine that the tests run on can do, found out by trying it once. A test that needs more than every machine
 * has asks first, and takes another way to the same check, or leaves it out and says so with {@link #leavesOut}.
 *
 * <p>{@code HEAPWALK_ASSUME_LACKING} names, separated by commas, what is taken for missing though it is there:
 * {@code 32-bit}, {@code kernel-cores}, {@code userfaultfd}. So the other ways can be run anywhere.
 */
public final class ThisMachine {
    /**
     * How long a test waits before it takes something for hanging. It is far more than is ever needed, also where
     * everything is slow.
     */
    public static final Duration PATIENCE = Duration.ofMinutes(5);

    private static final String LACKING = "HEAPWALK_ASSUME_LACKING";
    private static final String LEFT_OUT = "HEAPWALK_LEFT_OUT";
    private static final int AT_NULL = 0;
    private static final int AT_PAGESZ = 6;
    /** In a word of {@code /proc/PID/pagemap}. */
    private static final long SOFT_DIRTY = 1L << 55;

    private static final Set<String> SAID = ConcurrentHashMap.newKeySet();

    private ThisMachine() {}

    /**
     * Whether the kernel runs programs for 32-bit x86. Where it does not, {@code qemu-i386} does, and writes cores of
     * them; a live 32-bit process can't be had there.
     *
     * @return whether one was run
     */
    public static boolean runs32BitPrograms() {
        return NarrowPrograms.RUN;
    }

    /**
     * Whether the kernel writes the core of a process that is ended by a signal into the folder that the process works
     * in. It does not where {@code /proc/sys/kernel/core_pattern} names a program or another folder, or where cores are
     * limited to nothing. gdb writes cores on every machine.
     *
     * @return whether it wrote one
     */
    public static boolean writesKernelCores() {
        return KernelCores.WRITTEN;
    }

    /**
     * The size of a page of memory.
     *
     * @return bytes
     */
    public static int pageSize() {
        try {
            ByteBuffer auxv = ByteBuffer.wrap(Files.readAllBytes(Path.of("/proc/self/auxv")))
                    .order(ByteOrder.nativeOrder());
            for (long type = auxv.getLong(); type != AT_NULL; type = auxv.getLong()) {
                long value = auxv.getLong();
                if (type == AT_PAGESZ) {
                    return Math.toIntExact(value);
                }
            }
            throw new IllegalStateException("the auxiliary vector has no AT_PAGESZ");
        } catch (IOException e) {
            throw new UncheckedIOException("could not read the auxiliary vector", e);
        }
    }

    /**
     * The size of the huge pages that are reserved where nothing else is asked for.
     *
     * @return bytes; empty where the kernel has none
     */
    public static OptionalLong hugePageSize() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/meminfo"))) {
            return lines.filter(line -> line.startsWith("Hugepagesize:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
                    .findFirst();
        } catch (IOException e) {
            throw new UncheckedIOException("could not read /proc/meminfo", e);
        }
    }

    /**
     * Whether {@code /proc/PID/pagemap} tells which pages were written to.
     *
     * @return whether it told so of a page that had just been written to
     */
    public static boolean hasSoftDirtyBits() {
        int page = pageSize();
        try (Arena arena = Arena.ofConfined();
                FileChannel pagemap = FileChannel.open(Path.of("/proc/self/pagemap"), StandardOpenOption.READ)) {
            MemorySegment written = arena.allocate(page, page);
            written.set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
            ByteBuffer word = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.nativeOrder());
            pagemap.read(word, written.address() / page * Long.BYTES);
            return !word.hasRemaining() && (word.getLong(0) & SOFT_DIRTY) != 0;
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * Whether a program can have its page faults told to itself by {@code userfaultfd}, for calls of the kernel too.
     *
     * @return whether one got such a descriptor
     */
    public static boolean hasUserfaultfd() {
        return Userfaults.HAD;
    }

    /**
     * What Yama lets an ordinary user read of other processes.
     *
     * @return the value of {@code kernel.yama.ptrace_scope}; empty where the kernel has no Yama
     */
    public static Optional<String> yamaScope() {
        try {
            return Optional.of(Files.readString(Path.of("/proc/sys/kernel/yama/ptrace_scope"))
                    .strip());
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /**
     * Says in the output of the tests what is left out, or done in another way, because of the machine. Each line is
     * said once.
     *
     * @param what the check, and what is done in its place if anything is
     * @param why what the machine lacks
     */
    public static void leavesOut(String what, String why) {
        String line = "left out on this machine: " + what + " (" + why + ")";
        if (!SAID.add(line)) {
            return;
        }
        System.out.println(line);
        String file = System.getenv(LEFT_OUT);
        if (file != null && !file.isEmpty()) {
            try {
                Files.writeString(Path.of(file), line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            } catch (IOException e) {
                throw new UncheckedIOException("could not note what is left out", e);
            }
        }
    }

    /**
     * All of it in a line.
     *
     * @return for people
     */
    public static String describe() {
        return "this machine: 32-bit programs " + yes(runs32BitPrograms()) + "; kernel's cores "
                + yes(writesKernelCores()) + " (core_pattern is '" + corePattern() + "'); pages of " + pageSize()
                + " bytes, huge ones of "
                + hugePageSize().stream()
                        .mapToObj(size -> (size >> 20) + " MiB")
                        .findFirst()
                        .orElse("none")
                + "; processors " + Runtime.getRuntime().availableProcessors() + "; Yama "
                + yamaScope().map(scope -> "with ptrace_scope " + scope).orElse("no") + "; soft-dirty bits "
                + yes(hasSoftDirtyBits()) + "; userfaultfd " + yes(hasUserfaultfd()) + "; /proc/config.gz "
                + yes(Files.exists(Path.of("/proc/config.gz")));
    }

    private static String yes(boolean has) {
        return has ? "yes" : "no";
    }

    static String corePattern() {
        try {
            return Files.readString(Path.of("/proc/sys/kernel/core_pattern")).strip();
        } catch (IOException e) {
            return "unknown";
        }
    }

    private static boolean assumedLacking(String what) {
        String named = System.getenv(LACKING);
        return named != null && Arrays.asList(named.split("[ ,]+")).contains(what);
    }

    private static final class NarrowPrograms {
        private static final boolean RUN = run();

        private static boolean run() {
            if (assumedLacking("32-bit")) {
                return false;
            }
            try {
                Path program = CProgram.compile("exits", """
                        void _start(void) { __asm__ volatile("int $0x80" : : "a"(1), "b"(42)); for (;;); }
                        """, "-m32", "-nostdlib", "-static", "-fno-stack-protector");
                // The shell says it where the kernel refuses, with a status of its own.
                return new ProcessBuilder("sh", "-c", "\"$1\" 2>/dev/null", "sh", program.toString())
                                .start()
                                .waitFor()
                        == 42;
            } catch (IOException e) {
                throw new UncheckedIOException("could not try whether 32-bit programs run", e);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private static final class Userfaults {
        private static final boolean HAD = had();

        private static boolean had() {
            if (assumedLacking("userfaultfd")) {
                return false;
            }
            try {
                Path program = CProgram.compile("userfaults", """
                        #include <linux/userfaultfd.h>
                        #include <sys/ioctl.h>
                        #include <sys/syscall.h>
                        #include <unistd.h>
                        int main(void) {
                            int fd = syscall(SYS_userfaultfd, 0);
                            struct uffdio_api api = {.api = UFFD_API};
                            return fd < 0 || ioctl(fd, UFFDIO_API, &api) ? 1 : 42;
                        }
                        """);
                return new ProcessBuilder(program.toString()).start().waitFor() == 42;
            } catch (IOException e) {
                throw new UncheckedIOException("could not try whether the kernel has userfaultfd", e);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private static final class KernelCores {
        private static final boolean WRITTEN = written();

        private static boolean written() {
            if (assumedLacking("kernel-cores")) {
                return false;
            }
            try (TemporaryFolder folder =
                    TemporaryFolder.in(Path.of(System.getProperty("java.io.tmpdir")), "heapwalk-cores")) {
                Process process = new ProcessBuilder(
                                "sh",
                                "-c",
                                "ulimit -c unlimited && cd \"$1\" && kill -ABRT $$",
                                "sh",
                                folder.path().toString())
                        .redirectErrorStream(true)
                        .start();
                String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                process.waitFor();
                try (Stream<Path> files = Files.list(folder.path())) {
                    return said.isEmpty() && files.findAny().isPresent();
                }
            } catch (IOException e) {
                throw new UncheckedIOException("could not try whether the kernel writes cores", e);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
