// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.memory.ErrnoException;
import dev.heapwalk.memory.NoSuchProcessException;
import dev.heapwalk.memory.PermissionDeniedException;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.TargetException.Reason;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Stops processes in every state and asks /proc, and the processes themselves, what that did to them. */
class AttachTest {
    private static final int SIGUSR1 = 10;
    private static final int SIGRT = 40;
    /** {@code __NR_clock_nanosleep} of x86-64. */
    private static final int CLOCK_NANOSLEEP = 230;

    private static final boolean ROOT = "root".equals(System.getProperty("user.name"));

    @TempDir
    private Path folder;

    private static CTarget odd(String what) throws IOException {
        return CTarget.program("oddities", what);
    }

    private static Consumer<Throwable> because(Reason reason) {
        return e -> assertThat(((TargetException) e).reason()).isEqualTo(reason);
    }

    private static void ready(CTarget program) throws IOException {
        assertThat(program.line()).isEqualTo("ready");
    }

    private static void signal(long pid, int signal, int... value) throws IOException, InterruptedException {
        List<String> line = new ArrayList<>(List.of("/usr/bin/kill", "-" + signal));
        if (value.length > 0) {
            line.addAll(List.of("-q", Integer.toString(value[0])));
        }
        line.add(Long.toString(pid));
        assertThat(new ProcessBuilder(line).inheritIO().start().waitFor()).isZero();
    }

    @Test
    void givesRegistersAsTheKernelAndTheProgramTellThem() throws IOException, InterruptedException {
        try (CTarget program = odd("alone")) {
            long address = program.hex();
            long self = program.hex();
            program.line();
            ready(program);
            program.await("S0");
            // Number, six arguments, stack pointer and program counter of the call it waits in.
            String[] call = Files.readString(Path.of("/proc/" + program.pid() + "/syscall"))
                    .strip()
                    .split(" ");
            try (Target target = Target.attach(program.pid())) {
                assertThat(target.mode()).isEqualTo(Target.Mode.STOPPED);
                assertThat(target.still()).isTrue();
                assertThat(target.runsOn()).isFalse();
                assertThat(program.threads().values()).allMatch(state -> state.startsWith("t"));
                assertThat(target.threads()).hasSize(1);
                ThreadState thread = target.threads().getFirst();
                assertThat(thread.tid()).isEqualTo(program.pid());
                assertThat(thread.name()).isEqualTo("oddities");
                Registers registers = thread.registers().orElseThrow();
                assertThat(registers.stackPointer()).isEqualTo(Long.decode(call[7]));
                assertThat(registers.programCounter()).isEqualTo(Long.decode(call[8]));
                assertThat(registers.threadPointer()).isEqualTo(self);
                assertThat(registers.general()).contains(Long.decode(call[2]), Long.decode(call[3]));
                assertThat(target.memory().readLong(address)).isEqualTo(4711);
            }
            assertThat(program.untouched()).isTrue();
            program.say("");
        }
    }

    @Test
    void leavesAProcessThatJobControlStoppedAsItWas() throws IOException, InterruptedException {
        try (CTarget program = CTarget.program("signals", "-")) {
            ready(program);
            signal(program.pid(), 19);
            program.await("T0");
            for (int i = 0; i < 20; i++) {
                try (Target target = Target.attach(program.pid())) {
                    assertThat(program.threads().values()).allMatch(state -> state.startsWith("t"));
                    assertThat(target.threads().getFirst().registers()).isPresent();
                }
                program.await("T0");
            }
            signal(program.pid(), 18);
            program.await("[SR]0");
            program.say("report");
            assertThat(program.line()).isEqualTo("done");
        }
    }

    @Test
    void jobControlWorksWhileItIsStopped() throws IOException, InterruptedException {
        try (CTarget program = CTarget.program("signals", "-")) {
            ready(program);
            try (Target target = Target.attach(program.pid())) {
                signal(program.pid(), 19);
                assertThat(target.threads()).hasSize(1);
            }
            program.await("T0");
            try (Target target = Target.attach(program.pid())) {
                signal(program.pid(), 18);
                assertThat(target.threads()).hasSize(1);
            }
            program.await("[SR]0");
            program.say("report");
            assertThat(program.line()).isEqualTo("done");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"-", "10,40"})
    void losesNoSignal(String blocked) throws IOException, InterruptedException {
        try (CTarget program = CTarget.program("signals", blocked)) {
            ready(program);
            List<String> expected = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                signal(program.pid(), SIGRT, 100 + i);
                try (Target target = Target.attach(program.pid())) {
                    signal(program.pid(), SIGRT, 200 + i);
                    signal(program.pid(), SIGRT, 300 + i);
                    assertThat(target.threads()).hasSize(1);
                    if (i == 5) {
                        signal(program.pid(), SIGUSR1);
                    }
                }
                for (int sent = 100 + i; sent < 400; sent += 100) {
                    expected.add("signal 40 value " + sent);
                }
            }
            expected.add("signal 10 value -1");
            program.say("report");
            List<String> seen = new ArrayList<>();
            for (String line = program.line(); !line.equals("done"); line = program.line()) {
                seen.add(line);
            }
            if (!blocked.equals("-")) {
                assertThat(seen).isEmpty();
                program.say("unblock");
                for (String line = program.line(); !line.equals("done"); line = program.line()) {
                    seen.add(line);
                }
            }
            assertThat(seen).containsExactlyInAnyOrderElementsOf(expected);
            // What is queued keeps its order.
            assertThat(seen.stream().filter(line -> line.startsWith("signal 40")))
                    .containsExactlyElementsOf(expected.subList(0, 30));
        }
    }

    @Test
    void aSignalThatComesDuringTheStopStillEndsTheCall() throws IOException, InterruptedException {
        for (boolean during : new boolean[] {true, false}) {
            try (CTarget program = odd("interruptible")) {
                ready(program);
                program.await("S0");
                for (int i = 0; i < 5; i++) {
                    Target.attach(program.pid()).close();
                    program.await("S0");
                }
                try (Target target = Target.attach(program.pid())) {
                    if (during) {
                        signal(program.pid(), SIGUSR1);
                    }
                    assertThat(target.threads()).hasSize(1);
                }
                if (!during) {
                    program.await("S0");
                    signal(program.pid(), SIGUSR1);
                }
                assertThat(program.line()).isEqualTo("-1 EINTR handled 1");
            }
        }
    }

    @Test
    void saysThatTheProcessWasKilledAndClosesQuietly() throws IOException {
        try (CTarget program = odd("alone")) {
            long address = program.hex();
            try (Target target = Target.attach(program.pid())) {
                assertThat(target.memory().readLong(address)).isEqualTo(4711);
                ProcessHandle.of(program.pid()).orElseThrow().destroyForcibly();
                for (int i = 0;
                        i < 2000 && program.threads().values().stream().noneMatch(state -> state.startsWith("Z"));
                        i++) {
                    java.util.concurrent.locks.LockSupport.parkNanos(1_000_000);
                }
                assertThatThrownBy(() -> target.memory().readLong(address))
                        .isInstanceOf(NoSuchProcessException.class)
                        .hasMessageContaining("process %d (oddities) ended", program.pid());
            }
            assertThat(program.exit()).isEqualTo(128 + 9);
        }
    }

    @Test
    void namesAThreadThatDoesNotStopAndUndoesEverything() throws IOException, InterruptedException {
        try (CTarget program = odd("vfork")) {
            ready(program);
            String stuck = null;
            for (long tid : program.threads().keySet()) {
                if (Files.readString(Path.of("/proc/" + program.pid() + "/task/" + tid + "/comm"))
                        .equals("forker\n")) {
                    stuck = Long.toString(tid);
                }
            }
            assertThat(stuck).isNotNull();
            assertThatThrownBy(() -> Target.attach(program.pid()))
                    .isInstanceOf(UnsupportedTargetException.class)
                    .hasMessageContaining("thread " + stuck + " (forker)")
                    .hasMessageContaining("state D")
                    .hasMessageContaining("could not be stopped within 500 ms")
                    .satisfies(because(Reason.NOT_STOPPED));
            assertThat(program.untouched()).isTrue();
            assertThat(Thread.getAllStackTraces().keySet())
                    .noneMatch(thread -> thread.getName().startsWith("heapwalk-"));
            program.say("g");
            assertThat(program.line()).isEqualTo("back");
            try (Target target = Target.attach(program.pid())) {
                assertThat(target.threads()).hasSize(5);
            }
            assertThat(program.untouched()).isTrue();
        }
    }

    @Test
    void readsAProcessWhoseFirstThreadHasEnded() throws IOException, InterruptedException {
        try (CTarget program = odd("leaderless")) {
            long address = program.hex();
            ready(program);
            program.await("[SZ]0");
            assertThat(program.threads()).hasSize(2).containsEntry(program.pid(), "Z0");
            for (boolean stop : new boolean[] {true, false, true}) {
                try (Target target = stop ? Target.attach(program.pid()) : Target.observe(program.pid())) {
                    assertThat(target.memory().readLong(address)).isEqualTo(4711);
                    assertThat(target.threads()).hasSize(1);
                    assertThat(target.threads().getFirst().tid()).isNotEqualTo(program.pid());
                    assertThat(target.modules())
                            .extracting(ElfModule::path)
                            .anyMatch(path -> path.endsWith("/oddities"));
                }
                program.await("[SZ]0");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -1, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 32, (1 << 22) + 1, 1 << 22})
    void saysThatThereIsNoSuchProcess(long pid) {
        assertThatThrownBy(() -> Target.attach(pid))
                .isInstanceOf(NoSuchProcessException.class)
                .hasMessageStartingWith("there is no process " + pid)
                .satisfies(because(Reason.NO_SUCH_PROCESS));
        assertThatThrownBy(() -> Target.observe(pid)).isInstanceOf(NoSuchProcessException.class);
    }

    @Test
    void refusesWhatIsNoProcessToRead() throws IOException {
        try (CTarget program = odd("zombie")) {
            long zombie = Long.parseLong(program.line());
            ready(program);
            for (boolean stop : new boolean[] {true, false}) {
                assertThatThrownBy(() -> open(stop, zombie))
                        .isInstanceOf(UnsupportedTargetException.class)
                        .hasMessageContaining("process %d (oddities) is a zombie", zombie)
                        .hasMessageContaining("process " + program.pid());
                assertThatThrownBy(() -> open(stop, 2))
                        .isInstanceOf(UnsupportedTargetException.class)
                        .hasMessage(
                                "process 2 (kthreadd) is a kernel thread: it has no memory of its own; name a user process");
            }
        }
        try (CTarget program = odd("vfork")) {
            ready(program);
            long thread = program.threads().keySet().stream().max(Long::compare).orElseThrow();
            assertThatThrownBy(() -> Target.attach(thread))
                    .isInstanceOf(UnsupportedTargetException.class)
                    .hasMessageContaining("%d is a thread of process %d", thread, program.pid());
        }
    }

    private static Target open(boolean stop, long pid) {
        return stop ? Target.attach(pid) : Target.observe(pid);
    }

    @Test
    void refusesToStopItselfAndItsOwnChildrenButObservesThem() throws IOException, InterruptedException {
        long own = ProcessHandle.current().pid();
        assertThatThrownBy(() -> Target.attach(own))
                .isInstanceOf(UnsupportedTargetException.class)
                .hasMessageContaining("is this JVM")
                .satisfies(because(Reason.OWN_PROCESS));
        Process child = new ProcessBuilder("sleep", "1000").start();
        try {
            assertThatThrownBy(() -> Target.attach(child.pid()))
                    .isInstanceOf(UnsupportedTargetException.class)
                    .hasMessageContaining("is a child of this JVM")
                    .satisfies(because(Reason.OWN_PROCESS));
            assertThat(child.isAlive()).isTrue();
            // A moment before, it is not the program yet, or has no libc.
            while (!Files.readString(Path.of("/proc/" + child.pid() + "/syscall"))
                    .startsWith(CLOCK_NANOSLEEP + " ")) {
                assertThat(child.isAlive()).isTrue();
                Thread.onSpinWait();
            }
            for (long pid : new long[] {own, child.pid()}) {
                try (Target target = Target.observe(pid)) {
                    long libc = target.memory().mappings().stream()
                            .filter(mapping -> mapping.path().contains("libc.so") && mapping.fileOffset() == 0)
                            .findFirst()
                            .orElseThrow()
                            .start();
                    assertThat(target.memory().readBytes(libc, 4)).isEqualTo(new byte[] {0x7f, 'E', 'L', 'F'});
                }
            }
        } finally {
            child.destroyForcibly().waitFor();
        }
    }

    @Test
    void namesTheTracerOfAProcessThatHasOne() throws IOException {
        try (CTarget program = odd("traced")) {
            long traced = Long.parseLong(program.line());
            ready(program);
            assertThatThrownBy(() -> Target.attach(traced))
                    .isInstanceOf(PermissionDeniedException.class)
                    .hasMessageContaining(
                            "process %d (oddities) is traced by process %d (oddities)", traced, program.pid())
                    .satisfies(because(Reason.TRACED_BY_ANOTHER));
            Target.observe(traced).close();
            ProcessHandle.of(traced).orElseThrow().destroyForcibly();
        }
    }

    @Test
    void saysThatThisJvmHoldsItAlready() throws IOException {
        try (CTarget program = odd("alone")) {
            // Before, it may be the shell yet that becomes it.
            program.hex();
            try (Target first = Target.attach(program.pid())) {
                assertThatThrownBy(() -> Target.attach(program.pid()))
                        .isInstanceOf(PermissionDeniedException.class)
                        .hasMessage(
                                "process %d (oddities) is held by this JVM already, by another target that is open: "
                                        + "close that one first, or read without stopping",
                                program.pid())
                        .satisfies(because(Reason.TRACED_BY_THIS_JVM));
                assertThat(program.threads())
                        .allSatisfy((tid, state) ->
                                assertThat(state).startsWith("t").isNotEqualTo("t0"));
                try (Target observed = Target.observe(program.pid())) {
                    assertThat(observed.threads()).hasSameSizeAs(first.threads());
                }
            }
            Target.attach(program.pid()).close();
            assertThat(program.untouched()).isTrue();
        }
    }

    @Test
    void aFailureOfTheTracerThreadShowsWhoCalled() throws IOException {
        try (CTarget program = odd("alone")) {
            FakeLibc libc = new FakeLibc().always("PTRACE_SEIZE", Errno.EINVAL);
            assertThatThrownBy(() -> LiveTarget.attach(program.pid(), libc, ProcFs.ofThisMachine()))
                    .isInstanceOf(ErrnoException.class)
                    .satisfies(because(Reason.SYSTEM_CALL))
                    .satisfies(e -> assertThat(e.getStackTrace())
                            .extracting(StackTraceElement::getMethodName)
                            // Where it failed, and who wanted it.
                            .containsSubsequence("seize", "run", "stop", "attach")
                            .doesNotContain("withStackOfCaller")
                            .anyMatch(method -> method.contains("aFailureOfTheTracerThreadShowsWhoCalled")));
            assertThatThrownBy(() -> LiveTarget.attach(
                            program.pid(),
                            new FakeLibc().beforePtrace(() -> {
                                throw new AssertionError("on purpose");
                            }),
                            ProcFs.ofThisMachine()))
                    .isInstanceOf(AssertionError.class)
                    .satisfies(e -> assertThat(e.getStackTrace())
                            .extracting(StackTraceElement::getMethodName)
                            .anyMatch(method -> method.contains("aFailureOfTheTracerThreadShowsWhoCalled")));
        }
    }

    private static String asNobody(String how, long pid, String... more) throws IOException, InterruptedException {
        List<String> by = new ArrayList<>(
                ROOT ? List.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups") : List.of());
        by.addAll(List.of(more));
        Process reader = new ProcessBuilder(Reader.command(by, how, pid))
                .redirectErrorStream(true)
                .start();
        String said = new String(reader.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(reader.waitFor()).as(said).isZero();
        return said;
    }

    @ParameterizedTest
    @ValueSource(strings = {"attach", "observe"})
    void anotherUsersProcessIsRefusedWithTheRemedy(String how) throws IOException, InterruptedException {
        try (CTarget program = odd("alone")) {
            // Who runs the tests without being root finds root's own first process.
            long pid = ROOT ? program.pid() : 1;
            assertThat(asNobody(how, pid))
                    .startsWith("PermissionDeniedException: not permitted to ")
                    .contains("process " + pid)
                    .contains("it belongs to user 0 and this is user ")
                    .contains("CAP_SYS_PTRACE")
                    .hasLineCount(1);
            assertThat(program.untouched()).isTrue();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"attach", "observe"})
    void anotherUsersProcessIsReadWithTheTwoCapabilities(String how) throws IOException, InterruptedException {
        if (!ROOT) {
            ThisMachine.leavesOut("reading another user's process by capabilities alone", "only root can give them");
            return;
        }
        String both = "+sys_ptrace,+dac_read_search";
        try (CTarget program = odd("alone")) {
            assertThat(asNobody(how, program.pid(), "--inh-caps=" + both, "--ambient-caps=" + both))
                    .startsWith("attached to process " + program.pid());
            assertThat(program.untouched()).isTrue();
        }
    }

    @Test
    void aProcessThatForbidsItIsRefusedWithTheRemedy() throws IOException, InterruptedException {
        List<String> line = new ArrayList<>(
                ROOT ? List.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups") : List.of());
        Path program = readableByAll(Files.copy(
                CProgram.compile("oddities", CTarget.source("oddities")),
                folder.resolve("oddities"),
                StandardCopyOption.COPY_ATTRIBUTES));
        line.addAll(List.of(program.toString(), "undumpable"));
        try (CTarget target = CTarget.run(line)) {
            ready(target);
            assertThat(asNobody("attach", target.pid()))
                    .startsWith("PermissionDeniedException: not permitted to stop process " + target.pid())
                    .contains("CAP_SYS_PTRACE");
            assertThat(target.untouched()).isTrue();
        }
    }

    private static Path readableByAll(Path program) throws IOException, InterruptedException {
        new ProcessBuilder(
                        "chmod", "a+rx", program.toString(), program.getParent().toString())
                .start()
                .waitFor();
        return program;
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "1", "2", "3"})
    void saysWhatYamaForbids(String scope) throws IOException {
        Path yama = Files.writeString(folder.resolve("ptrace_scope"), scope + "\n");
        ProcFs proc = new ProcFs(Path.of("/proc"), yama);
        String meaning = Map.of(
                        "0", "is 0, so that is no hindrance",
                        "1", "is 1, so only a parent may look into its descendants: root can set it to 0",
                        "2", "is 2, so only a process with CAP_SYS_PTRACE may: root can set it to 0",
                        "3", "is 3, so nobody may until the machine is restarted")
                .get(scope);
        try (CTarget program = odd("alone")) {
            assertThatThrownBy(() ->
                            LiveTarget.attach(program.pid(), new FakeLibc().always("PTRACE_SEIZE", Errno.EPERM), proc))
                    .isInstanceOf(PermissionDeniedException.class)
                    .hasMessageStartingWith("not permitted to stop process " + program.pid())
                    .hasMessageEndingWith(yama + " " + meaning);
            FakeLibc libc =
                    new FakeLibc().always("process_vm_readv", Errno.EPERM).always("open", Errno.EACCES);
            assertThatThrownBy(() -> LiveTarget.observe(program.pid(), libc, proc))
                    .isInstanceOf(PermissionDeniedException.class)
                    .hasMessageStartingWith("not permitted to read the memory of process " + program.pid())
                    .hasMessageEndingWith(yama + " " + meaning);
            assertThat(program.untouched()).isTrue();
        }
    }

    @Test
    void readsAProcessInOtherNamespaces() throws IOException, InterruptedException {
        Path program = CProgram.compile("oddities", CTarget.source("oddities"));
        // There, and only there, the program lies in a file system of its own.
        String inside = "mount -t tmpfs none /mnt && cp " + program + " /mnt/inside && exec /mnt/inside alone";
        List<String> line = new ArrayList<>(List.of("unshare"));
        if (!ROOT) {
            line.add("--map-root-user");
        }
        line.addAll(List.of("--pid", "--mount", "--fork", "--kill-child", "sh", "-c", inside));
        try (CTarget unshare = CTarget.run(line)) {
            long address = unshare.hex();
            unshare.line();
            assertThat(unshare.line()).as("its own id there").isEqualTo("1");
            ready(unshare);
            long pid =
                    Long.parseLong(Files.readString(Path.of("/proc/%1$d/task/%1$d/children".formatted(unshare.pid())))
                            .strip());
            for (boolean stop : new boolean[] {true, false}) {
                try (Target target = open(stop, pid)) {
                    checkProgram(target, address, "/mnt/inside");
                    assertThat(target.threads().getFirst().tid()).isEqualTo(pid);
                }
            }
        }
    }

    @Test
    void readsAProcessInAChroot() throws IOException, InterruptedException {
        Path program = CProgram.compile("oddities", CTarget.source("oddities"), "-static");
        Path root = Files.createDirectories(folder.resolve("a root\nof two lines"));
        Files.copy(program, root.resolve("jailed"), StandardCopyOption.COPY_ATTRIBUTES);
        List<String> line = new ArrayList<>(ROOT ? List.of() : List.of("unshare", "--map-root-user"));
        line.addAll(List.of("chroot", root.toString(), "/jailed", "alone"));
        try (CTarget jailed = CTarget.run(line)) {
            long address = jailed.hex();
            jailed.line();
            jailed.line();
            ready(jailed);
            for (boolean stop : new boolean[] {true, false}) {
                try (Target target = open(stop, jailed.pid())) {
                    checkProgram(target, address, "/jailed");
                }
            }
        }
    }

    private static void checkProgram(Target target, long address, String path) {
        assertThat(target.memory().readLong(address)).isEqualTo(4711);
        assertThat(target.memory().mappings().at(address).orElseThrow().path()).isEqualTo(path);
        ElfModule module = target.modules().stream()
                .filter(each -> each.path().equals(path))
                .findFirst()
                .orElseThrow();
        // Only the file has this symbol.
        assertThat(module.symbol("value")).hasValue(address);
    }

    @Test
    void aCallThatWasInterruptedGoesOnIfTheJvmEndsRightThen() throws IOException, InterruptedException {
        try (CTarget program = odd("interruptible")) {
            ready(program);
            program.await("S0");
            Process reader = new ProcessBuilder(Reader.command(List.of(), "exit-early", program.pid()))
                    .redirectErrorStream(true)
                    .start();
            String said = new String(reader.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(reader.waitFor()).as(said).isEqualTo(5);
            program.await("S0");
            signal(program.pid(), SIGUSR1);
            assertThat(program.line()).isEqualTo("-1 EINTR handled 1");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"exit", "throw", "wait", "held-exit", "held-throw", "held-wait"})
    void letsGoWhenTheJvmEnds(String how) throws IOException, InterruptedException {
        try (CTarget program = odd("vfork")) {
            ready(program);
            program.say("g");
            assertThat(program.line()).isEqualTo("back");
            Process reader = new ProcessBuilder(Reader.command(List.of(), how, program.pid()))
                    .redirectErrorStream(true)
                    .start();
            assertThat(reader.inputReader().readLine()).isEqualTo("attached");
            if (how.endsWith("wait")) {
                assertThat(program.threads().values()).hasSize(5).allMatch(state -> state.startsWith("t"));
                reader.destroy();
            }
            assertThat(reader.waitFor(ThisMachine.PATIENCE)).isTrue();
            assertThat(reader.exitValue())
                    .isEqualTo(Map.of("exit", 5, "throw", 1, "wait", 128 + 15).get(how.replace("held-", "")));
            assertThat(program.untouched()).isTrue();
        }
    }
}
