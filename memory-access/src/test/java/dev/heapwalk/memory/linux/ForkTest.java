// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.heapwalk.memory.Copier;
import dev.heapwalk.memory.Extents;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.TargetOptions;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.core.CoreNote;
import dev.heapwalk.memory.core.CoreOutput;
import dev.heapwalk.memory.core.CoreWriter;
import dev.heapwalk.testkit.ThisMachine;
import dev.heapwalk.testkit.WaitingProgram;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Copies that processes are made to fork: what is in them, and that the processes notice nothing. */
class ForkTest {
    private static final int PAGE = ThisMachine.pageSize();
    /** {@code NT_X86_XSTATE} of the kernel's {@code linux/elf.h}. */
    private static final int XSTATE = 0x202;

    /** The child processes, as "name state". */
    private static List<String> children(long pid) throws IOException {
        List<String> all = new ArrayList<>();
        for (long child : ProcFs.ofThisMachine().children(pid)) {
            try {
                String stat = Files.readString(Path.of("/proc/" + child + "/stat"));
                all.add(stat.substring(stat.indexOf('(') + 1, stat.lastIndexOf(')')) + " "
                        + stat.charAt(stat.lastIndexOf(')') + 2));
            } catch (IOException e) {
                // It ended since it was listed.
            }
        }
        return all;
    }

    private static long word(Target target, long address) {
        MemorySegment bytes = MemorySegment.ofArray(new long[1]);
        assertThat(target.memory().read(address, bytes)).isEqualTo(8);
        return bytes.get(JAVA_LONG, 0);
    }

    @Test
    void aCopyIsFrozenAndTheProcessRunsOn() throws Exception {
        try (CTarget program = CTarget.program("forked", "counts")) {
            long own = program.hex();
            long shared = program.hex();
            assertThat(program.line()).isEqualTo("ready");
            try (Target copy = Target.fork(program.pid());
                    Target process = Target.observe(program.pid())) {
                assertThat(copy.mode()).isEqualTo(Target.Mode.COPY);
                assertThat(copy.still()).isTrue();
                assertThat(copy.runsOn()).isFalse();
                assertThat(copy.pid()).hasValue(program.pid());
                assertThat(copy.description()).isEqualTo(process.description());
                assertThat(copy.standstill()).isPositive();
                assertThat(program.untouched()).isTrue();
                assertThat(children(program.pid())).containsExactly("heapwalk-copy t");
                long before = word(copy, own);
                long now = word(process, own);
                while (word(process, own) < now + 1000) {
                    Thread.onSpinWait();
                }
                assertThat(word(copy, own)).isEqualTo(before).isLessThan(now);
                // What it shares goes on.
                long other = word(copy, shared);
                while (word(copy, shared) < other + 1000) {
                    Thread.onSpinWait();
                }
                assertThat(copy.notices()).singleElement().asString().contains("%x".formatted(shared), "shared");
                assertThat(copy.threads()).hasSize(2);
                assertThat(copy.threads().getFirst().registers().orElseThrow().stackPointer())
                        .satisfies(
                                pointer -> assertThat(copy.memory().mappings().at(pointer))
                                        .hasValueSatisfying(mapping ->
                                                assertThat(mapping.path()).isEqualTo("[stack]")));
                assertThat(copy.modules()).hasSameSizeAs(process.modules());
            }
            assertThat(children(program.pid())).isEmpty();
            program.say("x");
            assertThat(program.line()).isEqualTo("ok");
        }
    }

    @ParameterizedTest
    @FieldSource("dev.heapwalk.testkit.WaitingProgram#KINDS")
    void aWaitingProgramNoticesNothing(String kind) throws Exception {
        int rounds = Soak.count("HEAPWALK_SOAK_FORKS", 20);
        try (CTarget program = CTarget.run(WaitingProgram.command(kind))) {
            assertThat(program.line()).isEqualTo("ready");
            Target.fork(program.pid()).close();
            long resident = resident(program.pid());
            for (int round = 0; round < rounds; round++) {
                try (Target copy = Target.fork(program.pid())) {
                    Window window = copy.memory().window();
                    for (Mapping mapping : copy.memory().mappings()) {
                        if (mapping.readable() && mapping.anonymous() && mapping.start() > 0) {
                            copy.memory().read(mapping.start(), MemorySegment.ofArray(new byte[1 << 16]));
                            window.find(mapping.start(), 8);
                        }
                    }
                }
                assertThat(children(program.pid())).isEmpty();
            }
            program.say("x");
            assertThat(program.line()).startsWith("ok ");
            assertThat(program.untouched()).isTrue();
            assertThat(resident(program.pid())).isLessThanOrEqualTo(resident + 2L * PAGE);
        }
    }

    private static long resident(long pid) throws IOException {
        long bytes = 0;
        for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/smaps_rollup"))) {
            bytes += line.startsWith("Anonymous:") ? Long.parseLong(line.replaceAll("\\D", "")) << 10 : 0;
        }
        return bytes;
    }

    @Test
    void aBusyProgramNoticesNothing() throws Exception {
        int rounds = Soak.count("HEAPWALK_SOAK_FORKS", 20);
        try (CTarget program = CTarget.busy()) {
            for (int round = 0; round < rounds; round++) {
                try (Target copy = Target.fork(program.pid())) {
                    assertThat(copy.threads()).hasSizeGreaterThan(30);
                    assertThat(program.untouched()).isTrue();
                    assertThat(program.check()).startsWith("ok: ");
                }
            }
            assertThat(program.check()).startsWith("ok: ");
            assertThat(children(program.pid())).noneMatch(child -> child.startsWith("heapwalk"));
        }
    }

    /** Reading a copy takes none of the pages from the process that both share. */
    @Test
    void aCopyIsReadWithoutAnotherOne() throws Exception {
        try (CTarget program = CTarget.program("forked", "counts")) {
            long own = program.hex();
            program.hex();
            assertThat(program.line()).isEqualTo("ready");
            try (Target copy = Target.fork(program.pid())) {
                Mapping pages = copy.memory().mappings().at(own).orElseThrow();
                long read = copy.memory().read(pages.start(), MemorySegment.ofArray(new byte[(int) pages.length()]));
                assertThat(read).isEqualTo(pages.length());
                long child = ProcFs.ofThisMachine().children(program.pid()).getFirst();
                // The page that is counted in is the process's own by now; the others are shared as before.
                assertThat(smaps(child, own, "Shared_Dirty:")).isGreaterThanOrEqualTo(7L * PAGE);
                assertThat(smaps(program.pid(), own, "Shared_Dirty:")).isGreaterThanOrEqualTo(7L * PAGE);
            }
        }
    }

    private static long smaps(long pid, long address, String name) throws IOException {
        boolean here = false;
        for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/smaps"))) {
            if (line.matches("[0-9a-f]+-[0-9a-f]+ .*")) {
                String[] range = line.substring(0, line.indexOf(' ')).split("-");
                here = Long.compareUnsigned(Long.parseUnsignedLong(range[0], 16), address) <= 0
                        && Long.compareUnsigned(Long.parseUnsignedLong(range[1], 16), address) > 0;
            } else if (here && line.startsWith(name)) {
                return Long.parseLong(line.replaceAll("\\D", "")) << 10;
            }
        }
        throw new AssertionError(name);
    }

    @Test
    void whatACopyLacksIsNamed() throws Exception {
        try (CTarget program = CTarget.program("forked", "lacks")) {
            long pages = program.hex();
            assertThat(program.line()).isEqualTo("ready");
            try (Target copy = Target.fork(program.pid())) {
                assertThat(copy.notices()).isEmpty();
                MemorySegment byteThere = MemorySegment.ofArray(new byte[1]);
                assertThat(copy.memory().read(pages, byteThere)).isOne();
                assertThat(byteThere.get(JAVA_BYTE, 0)).isEqualTo((byte) 7);
                assertThat(copy.notices()).isEmpty();
                assertThat(copy.memory().read(pages + 2L * PAGE, byteThere)).isZero();
                assertThat(copy.memory().read(pages + 4L * PAGE, byteThere)).isOne();
                assertThat(byteThere.get(JAVA_BYTE, 0)).isZero();
                assertThat(copy.notices())
                        .satisfiesExactly(
                                one -> assertThat(one).contains("%x".formatted(pages + 2L * PAGE), "MADV_DONTFORK"),
                                one -> assertThat(one).contains("%x".formatted(pages + 4L * PAGE), "MADV_WIPEONFORK"));
            }
        }
    }

    @Test
    void whatTheKernelMayDropIsNotMissed() throws Exception {
        try (CTarget program = CTarget.program("forked", "drops")) {
            long page = program.hex();
            assertThat(program.line()).isEqualTo("ready");
            if (page == 0) {
                ThisMachine.leavesOut("memory that the kernel may drop", "it has no MAP_DROPPABLE");
                return;
            }
            try (Target copy = Target.fork(program.pid())) {
                MemorySegment byteThere = MemorySegment.ofArray(new byte[1]);
                assertThat(copy.memory().read(page, byteThere)).isOne();
                assertThat(byteThere.get(JAVA_BYTE, 0)).isZero();
                assertThat(copy.notices()).isEmpty();
            }
        }
    }

    @Test
    void aCoreHasWhatACopyHasAndNamesTheRest() throws Exception {
        try (CTarget program = CTarget.program("forked", "lacks")) {
            long pages = program.hex();
            assertThat(program.line()).isEqualTo("ready");
            try (Target copy = Target.fork(program.pid())) {
                ByteArrayOutputStream core = new ByteArrayOutputStream();
                CoreWriter.Summary written = CoreWriter.of(copy).write(CoreOutput.to(core));
                assertThat(written.leftOut()).isGreaterThanOrEqualTo(PAGE);
                assertThat(copy.notices())
                        .anySatisfy(one -> assertThat(one).contains("%x".formatted(pages + 2L * PAGE), "MADV_DONTFORK"))
                        .anySatisfy(one ->
                                assertThat(one).contains("%x".formatted(pages + 4L * PAGE), "MADV_WIPEONFORK"));
                Extents extents = copy.memory().extents();
                assertThat(extents.kind(pages, pages + PAGE)).isEqualTo(Extents.Kind.AT_HAND);
                assertThat(extents.kind(pages + 2L * PAGE, pages + 3L * PAGE)).isEqualTo(Extents.Kind.ELSEWHERE);
                assertThat(extents.kind(pages + 4L * PAGE, pages + 5L * PAGE)).isEqualTo(Extents.Kind.ELSEWHERE);
            }
            assertThat(children(program.pid())).isEmpty();
        }
    }

    @Test
    void aCoreHasTheRegistersOfAllThreadsAndWhatIsShared() throws Exception {
        try (CTarget program = CTarget.program("forked", "counts")) {
            program.hex();
            long shared = program.hex();
            assertThat(program.line()).isEqualTo("ready");
            try (Target copy = Target.fork(program.pid())) {
                assertThat(copy.memory().extents().kind(shared, shared + PAGE)).isEqualTo(Extents.Kind.AT_HAND);
                List<CoreNote> notes = copy.coreFacts().notes();
                for (int type : List.of(CoreNote.STATUS, CoreNote.FLOATS, XSTATE)) {
                    assertThat(notes)
                            .filteredOn(note -> note.type() == type)
                            .hasSize(2)
                            .allSatisfy(note -> assertThat(note.content()).hasSizeGreaterThan(300));
                }
                assertThat(notes)
                        .filteredOn(note -> note.type() == CoreNote.PROCESS_INFO)
                        .singleElement()
                        .satisfies(info -> assertThat(new String(info.content(), StandardCharsets.ISO_8859_1))
                                .contains("forked")
                                .doesNotContain("heapwalk-copy"));
            }
        }
    }

    @Test
    void aFilterThatAllowsItIsNoObstacle() throws Exception {
        try (CTarget program = CTarget.program("forked", "filter")) {
            long pages = program.hex();
            assertThat(program.line()).isEqualTo("ready");
            try (Target copy = Target.fork(program.pid())) {
                assertThat(word(copy, pages)).isEqualTo(0x0707070707070707L);
            }
            assertThat(children(program.pid())).isEmpty();
            program.say("x");
            assertThat(program.line()).isEqualTo("ok");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"noclone", "coroutine", "vfork"})
    void whatCannotForkIsLeftAsItWas(String what) throws Exception {
        try (CTarget program = CTarget.program("forked", what)) {
            if (what.equals("noclone")) {
                program.hex();
            }
            assertThat(program.line()).isEqualTo("ready");
            if (what.equals("vfork")) {
                program.await("D0");
            }
            assertThatExceptionOfType(TargetException.class)
                    .isThrownBy(() -> Target.fork(program.pid()))
                    .satisfies(e -> assertThat(e.reason()).isEqualTo(TargetException.Reason.NOT_FORKED))
                    .withMessageContaining(
                            switch (what) {
                                case "noclone" -> "seccomp";
                                case "coroutine" -> "stack";
                                default -> "vfork";
                            });
            assertThat(program.untouched()).isTrue();
            program.say("x");
            assertThat(program.line()).isEqualTo(what.equals("vfork") ? "ready" : "ok");
        }
    }

    /** One that nearly always waits for a child made by vfork, but for each only a while, gets to the stop in time. */
    @Test
    void aThreadThatMakesChildrenByVforkIsNoObstacle() throws Exception {
        try (CTarget program = CTarget.program("forked", "vforks")) {
            assertThat(program.line()).isEqualTo("ready");
            for (int i = 0; i < 10; i++) {
                Target.fork(program.pid()).close();
            }
            assertThat(program.untouched()).isTrue();
            program.say("x");
            assertThat(program.line()).isEqualTo("ok");
        }
    }

    @Test
    void aLimitOfProcessesIsTold() throws Exception {
        try (CTarget program =
                CTarget.run(List.of("setpriv", "--reuid=65533", "--clear-groups", "prlimit", "--nproc=1", "cat"))) {
            program.say("x");
            assertThat(program.line()).isEqualTo("x");
            assertThatExceptionOfType(TargetException.class)
                    .isThrownBy(() -> Target.fork(program.pid()))
                    .satisfies(e -> assertThat(e.reason()).isEqualTo(TargetException.Reason.NOT_FORKED))
                    .withMessageContaining("RLIMIT_NPROC");
            program.say("y");
            assertThat(program.line()).isEqualTo("y");
            assertThat(program.untouched()).isTrue();
        }
    }

    /** The first child would be the first process of the namespace, which ends with it. */
    @Test
    void aNamespaceThatBeginsWithTheNextChildIsLeftAlone() throws Exception {
        try (CTarget program = CTarget.run(List.of("unshare", "--pid", "sh", "-c", "read x; (echo child)"))) {
            program.await("S0");
            assertThatExceptionOfType(TargetException.class)
                    .isThrownBy(() -> Target.fork(program.pid()))
                    .satisfies(e -> assertThat(e.reason()).isEqualTo(TargetException.Reason.NOT_FORKED))
                    .withMessageContaining("namespace");
            program.say("x");
            assertThat(program.line()).isEqualTo("child");
        }
    }

    @Test
    void aProcessStoppedByJobControlStaysSo() throws Exception {
        try (CTarget program = CTarget.program("forked", "lacks")) {
            long pages = program.hex();
            assertThat(program.line()).isEqualTo("ready");
            kill("STOP", program.pid());
            program.await("T0");
            try (Target copy = Target.fork(program.pid())) {
                assertThat(word(copy, pages)).isEqualTo(0x0707070707070707L);
                program.await("T0");
            }
            program.await("T0");
            assertThat(children(program.pid())).isEmpty();
            kill("CONT", program.pid());
            program.say("x");
            assertThat(program.line()).isEqualTo("ok");
        }
    }

    private static void kill(String signal, long pid) throws IOException, InterruptedException {
        new ProcessBuilder("kill", "-" + signal, Long.toString(pid))
                .inheritIO()
                .start()
                .waitFor();
    }

    @Test
    void aCopyOutlivesItsProcess() throws Exception {
        try (CTarget program = CTarget.program("forked", "lacks")) {
            long pages = program.hex();
            assertThat(program.line()).isEqualTo("ready");
            try (Target copy = Target.fork(program.pid())) {
                program.finish();
                assertThat(program.exit()).isZero();
                assertThat(word(copy, pages)).isEqualTo(0x0707070707070707L);
            }
        }
    }

    @Test
    void aProcessMayBecomeAnotherProgramMeanwhile() throws Exception {
        try (CTarget program = CTarget.program("forked", "exec")) {
            assertThat(program.line()).isEqualTo("ready");
            try (Target copy = Target.fork(program.pid())) {
                assertThat(copy.modules()).isNotEmpty();
                program.say("e");
                long pages = program.hex();
                assertThat(program.line()).isEqualTo("ready");
                assertThat(word(copy, copy.modules().getFirst().bias())).isNotZero();
                assertThat(pages).isNotZero();
            }
            // The next one removes what is left.
            Target.fork(program.pid()).close();
            assertThat(children(program.pid())).isEmpty();
            program.say("x");
            assertThat(program.line()).isEqualTo("ok");
        }
    }

    @Test
    void whatTheProcessClosesIsClosed() throws Exception {
        try (CTarget program = CTarget.program("forked", "closes")) {
            assertThat(program.line()).isEqualTo("ready");
            try (Target copy = Target.fork(program.pid())) {
                assertThat(copy.still()).isTrue();
                program.say("x");
                assertThat(program.line()).isEqualTo("end 0");
            }
        }
    }

    @Test
    void aProcessThatIsHeldCanForkOneAtAMomentOfChoice() throws Exception {
        try (CTarget program = CTarget.program("forked", "counts")) {
            long own = program.hex();
            program.hex();
            assertThat(program.line()).isEqualTo("ready");
            try (Target process = Target.observe(program.pid());
                    Copier forker = process.forker()) {
                assertThat(forker.refusal()).isEmpty();
                Target copy;
                long then;
                try (Target.Stop _ = process.stop()) {
                    then = word(process, own);
                    copy = forker.copy();
                }
                try (copy) {
                    assertThat(word(copy, own)).isEqualTo(then);
                }
                assertThat(process.standstill()).isPositive();
                assertThat(children(program.pid())).isEmpty();
                // It can be stopped again, and fork again.
                try (Target.Stop _ = process.stop()) {
                    forker.copy().close();
                }
                assertThat(program.untouched()).isTrue();
                assertThat(children(program.pid())).isEmpty();
            }
        }
    }

    /** A reader that dies at any step leaves a program that lives, and one dead child at most, which the next removes. */
    @Test
    void theReaderMayDieAtEachStep() throws Exception {
        List<String> kinds = List.of("read", "futex", "poll", "nanosleep", "clock", "accept", "sigsuspend", "none");
        List<CTarget> programs = new ArrayList<>();
        try {
            for (String kind : kinds) {
                CTarget program = CTarget.run(WaitingProgram.command(kind));
                programs.add(program);
                assertThat(program.line()).isEqualTo("ready");
            }
            int step = 1;
            int most = Soak.count("HEAPWALK_SOAK_STEPS", 200);
            int every = Soak.count("HEAPWALK_SOAK_STEPS", 0) > 0 ? 1 : 2;
            for (boolean dies = true; dies && step <= most; step += every) {
                CTarget program = programs.get(step % programs.size());
                Process reader = new ProcessBuilder(Reader.command(
                                List.of(), "die", program.pid(), Look.FORK.name(), Integer.toString(step)))
                        .redirectErrorStream(true)
                        .start();
                String said = reader.inputReader().readAllAsString();
                assertThat(reader.waitFor(5, TimeUnit.MINUTES)).isTrue();
                dies = reader.exitValue() != 0;
                program.say("x");
                assertThat(program.line())
                        .as("%s at step %d: %s", kinds, step, said)
                        .startsWith("ok ");
                assertThat(program.untouched()).isTrue();
                awaitDead(program.pid(), step);
            }
            assertThat(step).isGreaterThan(60);
            for (CTarget program : programs) {
                Target.fork(program.pid()).close();
                assertThat(children(program.pid())).isEmpty();
            }
        } finally {
            for (CTarget program : programs) {
                program.close();
            }
        }
    }

    private static void awaitDead(long pid, int step) throws IOException, InterruptedException {
        for (long begin = System.nanoTime(); ; Thread.sleep(5)) {
            List<String> left = children(pid);
            if (left.stream().allMatch(child -> child.endsWith(" Z"))) {
                assertThat(left).as("after step %d", step).hasSizeLessThanOrEqualTo(1);
                return;
            }
            assertThat(System.nanoTime() - begin).isLessThan(ThisMachine.PATIENCE.toNanos());
        }
    }

    @Test
    void aSecondForkFailsWhereSomebodyHoldsTheProcess() throws Exception {
        try (CTarget program = CTarget.program("forked", "lacks")) {
            program.hex();
            // Before that the shell that starts it may still be there.
            assertThat(program.line()).isEqualTo("ready");
            try (Target first = Target.fork(program.pid());
                    Target second = Target.fork(program.pid())) {
                assertThat(first.still()).isTrue();
                assertThat(second.still()).isTrue();
            }
            try (Target stopped = Target.attach(program.pid())) {
                assertThat(stopped.still()).isTrue();
                assertThatExceptionOfType(TargetException.class)
                        .isThrownBy(() -> Target.fork(program.pid(), TargetOptions.DEFAULT))
                        .satisfies(e -> assertThat(e.reason()).isEqualTo(TargetException.Reason.TRACED_BY_THIS_JVM));
            }
        }
    }
}
