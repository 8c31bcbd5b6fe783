// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Gdb;
import dev.heapwalk.testkit.Grandchild;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Where threads have their stacks and thread-local variables: the program itself tells, and gdb. */
class ThreadStateTest {
    static final String LIBRARY = """
            #ifndef SIZE
            #define SIZE 70
            #endif
            static __thread char before[SIZE] = {1};
            __thread long library_tls = 5;
            long *touch(void)
            {
                before[library_tls]++;
                library_tls++;
                return &library_tls;
            }
            """;

    /** Each thread tells where its things are: those of the library only in every other one. */
    static final String PROGRAM = """
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <errno.h>
            #include <pthread.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <sys/mman.h>
            #include <sys/syscall.h>
            #include <unistd.h>
            static __thread char small = 1;
            __thread long program_tls[3] __attribute__((aligned(64))) = {1, 2, 3};
            static __thread char zeroed[300];
            static long *(*touch)(void);
            static pthread_barrier_t barrier;
            static void tell(int with_library)
            {
                pthread_attr_t attributes;
                void *stack;
                size_t size;
                pthread_getattr_np(pthread_self(), &attributes);
                pthread_attr_getstack(&attributes, &stack, &size);
                pthread_attr_destroy(&attributes);
                zeroed[(int)small]++;
                printf("%ld %lx %lx %lx %lx %lx\\n", syscall(SYS_gettid), (long)program_tls,
                       with_library && touch ? (long)touch() : 0, (long)&errno, (long)stack + size,
                       (long)__builtin_frame_address(0));
                fflush(stdout);
            }
            static void *run(void *number)
            {
                tell((long)number % 2);
                pthread_barrier_wait(&barrier);
                for (;;)
                    pause();
                return NULL;
            }
            int main(int count, char **arguments)
            {
                pthread_t thread;
                pthread_attr_t attributes;
                pthread_barrier_init(&barrier, NULL, 5);
                if (count > 2)
                    touch = (long *(*)(void))dlsym(dlopen(arguments[2], RTLD_NOW), "touch");
                tell(1);
                for (long i = 0; i < 3; i++)
                    pthread_create(&thread, NULL, run, (void *)i);
                // A stack in the middle of other memory.
                char *block = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                pthread_attr_init(&attributes);
                pthread_attr_setstack(&attributes, block + (1 << 20), 1 << 20);
                pthread_create(&thread, &attributes, run, (void *)3);
                pthread_barrier_wait(&barrier);
                puts("ready");
                fflush(stdout);
                char c;
                while (read(0, &c, 1) > 0)
                    ;
                return 0;
            }
            """;

    @TempDir
    private Path folder;

    /** What a thread told of itself. */
    record Told(long program, long library, long errno, long stackEnd, long frame) {}

    static Map<Long, Told> told(Grandchild process) throws IOException {
        Map<Long, Told> threads = new HashMap<>();
        BufferedReader out = process.inputReader();
        for (String line = out.readLine(); !line.equals("ready"); line = out.readLine()) {
            String[] word = line.split(" ");
            long[] values = new long[5];
            for (int i = 0; i < 5; i++) {
                values[i] = Long.parseUnsignedLong(word[i + 1], 16);
            }
            threads.put(Long.parseLong(word[0]), new Told(values[0], values[1], values[2], values[3], values[4]));
        }
        assertThat(threads).hasSize(5);
        return threads;
    }

    static ElfModule module(Target target, String end) {
        return target.modules().stream()
                .filter(module -> module.path().endsWith(end))
                .findFirst()
                .orElseThrow();
    }

    static Optional<Long> variable(ThreadState thread, ElfModule module, String name) {
        long offset = module.tlsSymbol(name).orElseThrow();
        Optional<Range> block = thread.tls(module);
        block.ifPresent(range -> assertThat(range.end() - range.start())
                .isEqualTo(module.tlsSize())
                .isGreaterThan(offset));
        return block.map(range -> range.start() + offset);
    }

    private static void check(Target target, Map<Long, Told> told, boolean atOnce) {
        ElfModule program = module(target, "/locals");
        assertThat(program.program()).isTrue();
        assertThat(target.modules().stream().filter(ElfModule::program)).hasSize(1);
        assertThat(target.threads()).hasSameSizeAs(told.keySet());
        for (ThreadState thread : target.threads()) {
            Told expected = told.get(thread.tid());
            assertThat(variable(thread, program, "program_tls"))
                    .as("%s", thread)
                    .contains(expected.program);
            Optional<Long> inLibrary = variable(thread, module(target, "/library.so"), "library_tls");
            if (expected.library != 0) {
                assertThat(inLibrary).as("%s", thread).contains(expected.library);
            } else if (atOnce) {
                // Static storage is there before it is used.
                assertThat(target.memory().readLong(inLibrary.orElseThrow())).isEqualTo(5);
            } else {
                assertThat(inLibrary).as("%s", thread).isEmpty();
            }
            assertThat(variable(thread, module(target, "/libc.so.6"), "errno"))
                    .as("%s", thread)
                    .contains(expected.errno);
            assertThat(thread.tls(module(target, "/ld-linux-x86-64.so.2"))).isEmpty();
            Registers registers = thread.registers().orElseThrow();
            Range stack = thread.stack().orElseThrow();
            assertThat(stack.start()).as("%s", thread).isEqualTo(registers.stackPointer() - 128);
            assertEnd(target, thread, expected);
            assertThat(expected.frame).as("%s", thread).isBetween(stack.start(), stack.end() - 1);
        }
    }

    private static void assertEnd(Target target, ThreadState thread, Told told) {
        long end = thread.stack().orElseThrow().end();
        if (thread.tid() != target.pid().orElseThrow()) {
            assertThat(end).as("%s", thread).isEqualTo(told.stackEnd);
            assertThat(thread.ownStack())
                    .hasValueSatisfying(
                            own -> assertThat(own.contains(told.frame)).isTrue());
            return;
        }
        assertThat(thread.ownStack()).isEmpty();
        // Of the main thread libc leaves out some pages, where arguments and environment lie.
        Mapping stack = target.memory().mappings().at(told.frame).orElseThrow();
        assertThat(stack.path()).isEqualTo("[stack]");
        assertThat(end).isEqualTo(stack.end()).isGreaterThanOrEqualTo(told.stackEnd);
    }

    private Grandchild start(Path program, Path library) throws IOException {
        List<String> line = new ArrayList<>(List.of(program.toString(), "-"));
        if (library != null) {
            line.add(library.toString());
        }
        return Grandchild.start(new ProcessBuilder(line));
    }

    @ParameterizedTest
    // The linker gives static storage to what asks for it, and to small variables that are found by descriptor.
    @CsvSource({
        "-mtls-dialect=gnu, false",
        "-mtls-dialect=gnu2, true",
        "-mtls-dialect=gnu2 -DSIZE=100000, false",
        "-ftls-model=initial-exec, true"
    })
    void findsWhatTheProgramTells(String model, boolean atOnce) throws IOException {
        Path library = CProgram.compile("library.so", LIBRARY, ("-shared -fPIC " + model).split(" "));
        Grandchild process = start(CProgram.compile("locals", PROGRAM), library);
        try {
            Map<Long, Told> told = told(process);
            try (Target target = Target.attach(process.pid())) {
                check(target, told, atOnce);
            }
            try (Target target = Target.observe(process.pid())) {
                assertThat(target.threads())
                        .hasSize(5)
                        .allSatisfy(thread -> assertThat(thread.stack()).isEmpty())
                        .allSatisfy(thread -> assertThat(thread.tls(module(target, "/locals")))
                                .isEmpty());
                try (var _ = target.stop()) {
                    check(target, told, atOnce);
                }
            }
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void findsThoseOfAStaticProgram() throws IOException {
        Grandchild process = start(CProgram.compile("locals", PROGRAM, "-static", "-Wl,-s"), null);
        try {
            Map<Long, Told> told = told(process);
            try (Target target = Target.attach(process.pid())) {
                assertThat(target.modules()).hasSizeLessThan(3);
                ElfModule program = module(target, "/locals");
                for (ThreadState thread : target.threads()) {
                    Range block = thread.tls(program).orElseThrow();
                    assertThat(told.get(thread.tid()).program).isBetween(block.start(), block.end() - 24);
                    assertThat(target.memory().readLong(told.get(thread.tid()).program))
                            .isEqualTo(1);
                    assertEnd(target, thread, told.get(thread.tid()));
                }
            }
        } finally {
            process.destroyForcibly();
        }
    }

    static List<Release> releases() {
        return Release.debian();
    }

    @ParameterizedTest
    @MethodSource("releases")
    void eachLibcHasErrnoWhereGdbShowsIt(Release release) throws IOException {
        try (LedgerProcess process =
                LedgerProcess.of(release, "threads").debugSymbols(true).start()) {
            Ledger ledger = process.ledger();
            Map<Integer, Long> errno = Gdb.process(process).everyThread("&errno");
            assertThat(errno).hasSizeGreaterThan(2);
            Path core = Cores.gcore(process, folder);
            for (Target opened : List.of(Target.attach(process.pid()), Target.core(core, root(release)))) {
                try (Target target = opened) {
                    ElfModule libc = target.modules().stream()
                            .filter(module ->
                                    module.exported("gnu_get_libc_version").isPresent())
                            .findFirst()
                            .orElseThrow();
                    Map<Integer, Long> found = new HashMap<>();
                    for (ThreadState thread : target.threads()) {
                        found.put(
                                (int) thread.tid(),
                                variable(thread, libc, "errno").orElseThrow());
                        long self = thread.registers().orElseThrow().threadPointer();
                        assertThat(ledger.threads())
                                .anyMatch(each -> each.tid() == thread.tid() && each.self() == self);
                        Range stack = thread.stack().orElseThrow();
                        boolean main = thread.tid() == process.pid();
                        // The control block lies at the end of a thread's own stack.
                        assertThat(self >= stack.start() && self < stack.end()).isNotEqualTo(main);
                    }
                    assertThat(found).isEqualTo(errno);
                }
            }
        }
    }

    @Test
    void aThreadThatWaitsChangesNoMemory() throws IOException {
        Path program = CProgram.compile("one-works", """
                #include <pthread.h>
                #include <stdio.h>
                #include <sys/mman.h>
                #include <unistd.h>
                static void *wait_for_ever(void *none)
                {
                    for (;;)
                        pause();
                    return none;
                }
                int main(void)
                {
                    pthread_t thread;
                    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                    pthread_create(&thread, NULL, wait_for_ever, NULL);
                    puts("ready");
                    fflush(stdout);
                    for (unsigned i = 0;; i++)
                        if (i % 1024 == 0)
                            madvise(page, 4096, MADV_DONTNEED);
                }
                """);
        Grandchild process = Grandchild.start(new ProcessBuilder(program.toString()));
        try {
            assertThat(process.inputReader().readLine()).isEqualTo("ready");
            for (int i = 0; i < 20; i++) {
                try (Target target = Target.attach(process.pid())) {
                    assertThat(target.threads()).hasSize(2);
                    for (ThreadState thread : target.threads()) {
                        // The other one may have yet to come to its call.
                        assertThat(thread.mayChangeMemory() || thread.tid() != process.pid())
                                .as("%s", thread)
                                .isTrue();
                    }
                }
            }
            try (Target target = Target.attach(process.pid())) {
                assertThat(target.threads().stream()
                                .filter(thread -> !thread.mayChangeMemory())
                                .map(ThreadState::tid))
                        .doesNotContain(process.pid())
                        .hasSize(1);
            }
        } finally {
            process.destroyForcibly();
        }
    }

    private static Path root(Release release) throws IOException {
        Path root = release.root(true).orElse(Path.of("/"));
        assertThat(Files.isDirectory(root)).isTrue();
        return root;
    }
}
