// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.jemalloc.JemallocHeap;
import dev.heapwalk.memory.Target;
import dev.heapwalk.mimalloc.MimallocHeap;
import dev.heapwalk.tcmalloc.TcmallocHeap;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Grandchild;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whether a thread is inside an allocator, of a program that knows where it is. */
class CallsTest {
    /**
     * Waits with addresses of the allocator's code on its stack, or in a signal handler that has interrupted the
     * allocator.
     */
    private static final String SOURCE = """
            #define _GNU_SOURCE
            #include <link.h>
            #include <signal.h>
            #include <stdint.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <sys/syscall.h>
            #include <sys/time.h>
            #include <ucontext.h>
            #include <unistd.h>
            static void *kept[1000];
            static uintptr_t start, end;
            static int find(struct dl_phdr_info *module, size_t size, void *name) {
                for (int i = 0; strstr(module->dlpi_name, name) && i < module->dlpi_phnum; i++) {
                    if (module->dlpi_phdr[i].p_type == PT_LOAD && module->dlpi_phdr[i].p_flags & PF_X) {
                        start = module->dlpi_addr + module->dlpi_phdr[i].p_vaddr;
                        end = start + module->dlpi_phdr[i].p_memsz;
                    }
                }
                (void)size;
                return 0;
            }
            static void handler(int signal, siginfo_t *info, void *context) {
                uintptr_t at = ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
                if (at >= start && at < end) {
                    if (write(1, "READY\\n", 6) == 6) pause();
                }
                (void)signal;
                (void)info;
            }
            int main(int count, char **arguments) {
                for (int i = 0; i < 1000; i++) kept[i] = malloc(i);
                if (count == 2) {
                    void *volatile code[] = {malloc, free, calloc, realloc, malloc, free, calloc, realloc,
                                             malloc, free, calloc, realloc, malloc, free, calloc, realloc};
                    puts("READY");
                    fflush(stdout);
                    while (code[0]) syscall(SYS_pause);
                }
                dl_iterate_phdr(find, arguments[1]);
                struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
                sigaction(SIGALRM, &action, NULL);
                struct itimerval often = {{0, 1000}, {0, 1000}};
                setitimer(ITIMER_REAL, &often, NULL);
                for (unsigned i = 0;; i++) {
                    free(kept[i % 1000]);
                    kept[i % 1000] = malloc(i % 5000);
                }
            }
            """;

    /** An allocator, and what finds its heap. */
    private record Allocator(Release release, String library, Function<Target, ? extends LocatedHeap<?>> locate) {
        @Override
        public String toString() {
            return library;
        }
    }

    static Stream<Allocator> allocators() {
        return Stream.of(
                        new Allocator(Release.TRIXIE, "libjemalloc.so.2", JemallocHeap::locate),
                        new Allocator(Release.TRIXIE, "libtcmalloc_minimal.so.4", TcmallocHeap::locate),
                        new Allocator(Release.SID, "libmimalloc.so.3", MimallocHeap::locate))
                .filter(allocator -> Release.debian().contains(allocator.release));
    }

    private static boolean settled(Allocator allocator, String... arguments) throws IOException {
        String program = CProgram.portableSource("calls", SOURCE).install(allocator.release, false);
        Process process = Grandchild.start(new ProcessBuilder(allocator.release.command(
                        false,
                        Stream.concat(
                                        Stream.of(
                                                "/usr/bin/env",
                                                "LD_PRELOAD=" + allocator.library,
                                                program,
                                                allocator.library),
                                        Stream.of(arguments))
                                .toList()))
                .redirectError(ProcessBuilder.Redirect.INHERIT));
        try {
            assertThat(process.inputReader().readLine()).isEqualTo("READY");
            try (Target target = Target.attach(process.pid())) {
                return allocator.locate.apply(target).settled();
            }
        } finally {
            process.destroyForcibly();
        }
    }

    @ParameterizedTest
    @MethodSource("allocators")
    void addressesOfCodeOnAStackAreNoCalls(Allocator allocator) throws IOException {
        assertThat(settled(allocator)).isTrue();
    }

    @ParameterizedTest
    @MethodSource("allocators")
    void aHandlerMayHaveInterruptedTheAllocator(Allocator allocator) throws IOException {
        assertThat(settled(allocator, "interrupted")).isFalse();
    }
}
