// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.ThisMachine;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * A C program that tells where its things are, and then waits. It runs in a folder of its own, where its core falls.
 */
final class Subject implements AutoCloseable {
    /** Two threads, symbols of every kind, a pattern on the heap, and a mapping that ends in a hole. */
    static final String SOURCE = """
            #define _GNU_SOURCE
            #include <pthread.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <sys/mman.h>
            #include <unistd.h>
            long exported_variable = 7;
            static long local_variable = 8;
            long zeroed_variable[5000];
            __thread long exported_tls = 41;
            static __thread long local_tls[3] = {1, 2, 3};
            __attribute__((noinline)) long exported_function(long a) { return a + local_variable; }
            static void *wait_for_ever(void *unused)
            {
                printf("other_thread=%lx\\n", (unsigned long)pthread_self());
                puts("ready");
                fflush(stdout);
                for (;;)
                    pause();
                return unused;
            }
            int main(void)
            {
                unsigned char *pattern = malloc(300000);
                for (int i = 0; i < 300000; i++)
                    pattern[i] = (unsigned char)(i * 7 + (i >> 8));
                char *text = strdup("a text on the heap");
                zeroed_variable[4999] = exported_function(1);
                exported_tls++;
                local_tls[0]++;
                printf("exported_variable=%lx\\n", (unsigned long)&exported_variable);
                printf("local_variable=%lx\\n", (unsigned long)&local_variable);
                printf("zeroed_variable=%lx\\n", (unsigned long)&zeroed_variable[0]);
                printf("exported_function=%lx\\n", (unsigned long)&exported_function);
                printf("exported_tls=%lx\\n", (unsigned long)&exported_tls);
                printf("local_tls=%lx\\n", (unsigned long)&local_tls);
                printf("pattern=%lx\\n", (unsigned long)pattern);
                printf("text=%lx\\n", (unsigned long)text);
                printf("malloc=%lx\\n", (unsigned long)&malloc);
                printf("main_thread=%lx\\n", (unsigned long)pthread_self());
                pthread_t thread;
                pthread_create(&thread, NULL, wait_for_ever, NULL);
                for (;;)
                    pause();
            }
            """;

    // A JVM sets its own filter so that file pages are in its cores; this one is the kernel's default.
    private static final String START =
            "echo 0x33 >/proc/self/coredump_filter && ulimit -c unlimited" + " && cd \"$1\" && shift && exec \"$@\"";

    /** {@code __NR_pause} of x86-64. */
    private static final int PAUSE = 34;

    private final Process process;
    private final Path folder;
    private final Path program;
    private final Map<String, Long> told = new HashMap<>();

    private Subject(Process process, Path folder, Path program) throws IOException {
        this.process = process;
        this.folder = folder;
        this.program = program;
        BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream()));
        String line;
        while (!"ready".equals(line = out.readLine())) {
            assertThat(line).as("what the program says before it is ready").isNotNull();
            int equals = line.indexOf('=');
            if (equals > 0) {
                told.put(line.substring(0, equals), Oracle.hex(line.substring(equals + 1)));
            }
        }
    }

    /** Compiles and starts {@link #SOURCE}; its file lies in its folder, and may be changed and removed. */
    static Subject start(String... options) throws IOException {
        return startCopy(CProgram.compile("subject", SOURCE, options));
    }

    /** Starts a copy of a program, which lies in its folder, and may be changed and removed. */
    static Subject startCopy(Path program) throws IOException {
        Path folder = Files.createTempDirectory("heapwalk-subject");
        return run(
                folder, Files.copy(program, folder.resolve(program.getFileName()), StandardCopyOption.COPY_ATTRIBUTES));
    }

    /** Starts a program. */
    static Subject run(Path program, String... command) throws IOException {
        return run(Files.createTempDirectory("heapwalk-subject"), program, command);
    }

    private static Subject run(Path folder, Path program, String... command) throws IOException {
        List<String> line = new ArrayList<>(List.of("sh", "-c", START, "sh", folder.toString()));
        line.addAll(command.length == 0 ? List.of(program.toString()) : List.of(command));
        Process process = new ProcessBuilder(line).redirectErrorStream(true).start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
        try {
            Subject subject = new Subject(process, folder, program);
            if (command.length == 0) {
                subject.awaitPause();
            }
            return subject;
        } catch (IOException | RuntimeException | Error e) {
            process.destroyForcibly();
            throw e;
        }
    }

    /** The thread that says that it is ready may be faster than the others: waits until all have come to rest. */
    private void awaitPause() throws IOException {
        long deadline = System.nanoTime() + ThisMachine.PATIENCE.toNanos();
        while (!paused()) {
            assertThat(System.nanoTime())
                    .as("all threads should be in pause() by now")
                    .isLessThan(deadline);
            LockSupport.parkNanos(1_000_000);
        }
    }

    private boolean paused() throws IOException {
        try (Stream<Path> tasks = Files.list(Path.of("/proc/" + pid() + "/task"))) {
            for (Path task : tasks.toList()) {
                if (!Files.readString(task.resolve("syscall")).startsWith(PAUSE + " ")) {
                    return false;
                }
            }
            return true;
        }
    }

    long pid() {
        return process.pid();
    }

    Path program() {
        return program;
    }

    Path folder() {
        return folder;
    }

    /** An address that the program told. */
    long told(String name) {
        assertThat(told).containsKey(name);
        return told.get(name);
    }

    Target observe() {
        return Target.observe(pid());
    }

    /** Has gdb write a core; the process lives on. */
    Path gcore() throws IOException {
        Oracle.lines("gcore", "-o", folder.resolve("gcore").toString(), Long.toString(pid()));
        return folder.resolve("gcore." + pid());
    }

    /** Has the kernel write a core; the process is dead then. */
    Path kernelCore() throws IOException {
        return kernelCore(folder);
    }

    /** Has the kernel write a core where the program's working folder is, or gdb where the kernel writes none. */
    Path kernelCore(Path where) throws IOException {
        if (!ThisMachine.writesKernelCores()) {
            Cores.gdbInPlaceOfTheKernel();
            Path core = Files.copy(gcore(), where.resolve("core"));
            process.destroyForcibly();
            awaitEnd();
            return core;
        }
        List<Path> before = files(where);
        Oracle.lines("sh", "-c", "kill -ABRT " + pid());
        awaitEnd();
        List<Path> cores = new ArrayList<>(files(where));
        cores.removeAll(before);
        assertThat(cores).as("cores that the kernel wrote into " + where).hasSize(1);
        return cores.getFirst();
    }

    /** Has qemu write a core of its guest, which is dead then. */
    Path guestCore() throws IOException {
        Oracle.lines("sh", "-c", "kill -ABRT " + pid());
        awaitEnd();
        List<Path> cores = files(folder).stream()
                .filter(file -> file.getFileName().toString().startsWith("qemu_"))
                .toList();
        assertThat(cores).as("cores that qemu wrote into " + folder).hasSize(1);
        return cores.getFirst();
    }

    /** Waits until the process is dead and its core written. */
    void awaitEnd() throws IOException {
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> list = Files.list(folder)) {
            return list.toList();
        }
    }

    /** The live process's own bytes, read by the kernel's other way. */
    byte[] bytes(long address, int length) throws IOException {
        try (RandomAccessFile memory = new RandomAccessFile("/proc/" + pid() + "/mem", "r")) {
            byte[] bytes = new byte[length];
            memory.seek(address);
            memory.readFully(bytes);
            return bytes;
        }
    }

    /** The ranges of {@code /proc/PID/maps} that can be read, but for what the kernel makes up. */
    List<long[]> readableRanges() throws IOException {
        List<long[]> ranges = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of("/proc/" + pid() + "/maps"))) {
            String[] words = line.split("\\s+");
            String name = words.length > 5 ? words[5] : "";
            if (words[1].startsWith("r") && !name.startsWith("[vvar") && !name.equals("[vsyscall]")) {
                String[] range = words[0].split("-");
                ranges.add(new long[] {Oracle.hex(range[0]), Oracle.hex(range[1])});
            }
        }
        return ranges;
    }

    @Override
    public void close() throws IOException {
        process.destroyForcibly();
        List<Path> all;
        try (Stream<Path> tree = Files.walk(folder)) {
            all = tree.toList();
        }
        for (Path each : all.reversed()) {
            Files.delete(each);
        }
    }
}
