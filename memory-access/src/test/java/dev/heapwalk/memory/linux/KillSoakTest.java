// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Kills the reader while it looks at a busy program, again and again; the program lives on unharmed, and no copy of it
 * runs. {@code HEAPWALK_SOAK_KILLS} sets how often at random moments, 5 times in each way by itself, and {@code
 * HEAPWALK_SOAK_CALLS} at how many of its calls of the C library it is killed, 4 by itself: as many as it makes are all.
 */
class KillSoakTest {
    private static final int KILLS = Soak.count("HEAPWALK_SOAK_KILLS", 5);
    private static final int CALLS = Soak.count("HEAPWALK_SOAK_CALLS", 4);
    private static final Pattern CHECKED = Pattern.compile(
            "(?:ok|bad): signals (\\d+) of (\\d+), values (\\d+) of (\\d+), timer runs, EINTR (\\d+), other errors 0, "
                    + "wrong 0, strange children 0; .*");
    private static final int SIGKILL = 128 + 9;

    @ParameterizedTest
    @EnumSource
    void theProgramLivesOn(Look look) throws IOException, InterruptedException {
        Random random = new Random(5);
        int stopped = 0;
        int interrupted = 0;
        String said = "";
        try (CTarget program = CTarget.busy()) {
            for (int kill = 1; kill <= KILLS; kill++) {
                Process reader = start("loop", program, look.name());
                assertThat(reader.inputReader().readLine()).isEqualTo("going");
                Thread.sleep(random.nextInt(100));
                // Every other time in a moment when some thread or all of them stand still.
                boolean still = !program.untouched();
                while (look.stops() && kill % 2 == 0 && !still) {
                    still = !program.untouched();
                }
                assertThat(reader.isAlive()).isTrue();
                reader.destroyForcibly();
                stopped += still ? 1 : 0;
                assertThat(reader.waitFor(ThisMachine.PATIENCE)).isTrue();
                said = program.check();
                interrupted = unharmed(program, said, look.interrupts() ? kill : 0);
            }
            wholeLook(look, program);
        }
        System.out.printf(
                "%s: %d kills, in %d of them threads were seen stopped just before, EINTR %d; the program: %s%n",
                look, KILLS, stopped, interrupted, said);
    }

    @ParameterizedTest
    @EnumSource
    void atWhateverCallTheReaderIsKilled(Look look) throws IOException, InterruptedException {
        Random random = new Random(7);
        int killed = 0;
        int interrupted = 0;
        String said = "";
        try (CTarget program = CTarget.busy()) {
            int calls = wholeLook(look, program);
            int kills = Math.min(CALLS, calls);
            for (int i = 0; i < kills; i++) {
                int at = 1 + (int) ((i + (kills == calls ? 0 : random.nextDouble())) * calls / kills);
                Process reader = start("die", program, look.name(), Integer.toString(at));
                assertThat(reader.waitFor(ThisMachine.PATIENCE)).isTrue();
                // It does not make as many each time: threads come and go.
                assertThat(reader.exitValue()).isIn(0, SIGKILL);
                killed += reader.exitValue() == SIGKILL ? 1 : 0;
                said = program.check();
                interrupted = unharmed(program, said, look.interrupts() ? killed : 0);
            }
            wholeLook(look, program);
            System.out.printf(
                    "%s: killed at %d of its %d calls, EINTR %d; the program: %s%n",
                    look, killed, calls, interrupted, said);
        }
    }

    /**
     * Has a reader look at the program and let it go, which removes what is left of a copy.
     *
     * @return how many calls it has made
     */
    private static int wholeLook(Look look, CTarget program) throws IOException, InterruptedException {
        Process whole = start("die", program, look.name(), "0");
        int calls = Integer.parseInt(whole.inputReader().readLine());
        assertThat(whole.waitFor()).isZero();
        assertThat(program.copies()).isEmpty();
        return calls;
    }

    private static Process start(String how, CTarget program, String... more) throws IOException {
        return new ProcessBuilder(Reader.command(List.of(), how, program.pid(), more))
                .redirectErrorStream(true)
                .start();
    }

    /**
     * A reader that is killed between the interruption of a thread and the moment when it tells the kernel to restart
     * the thread's call leaves that one thread with an EINTR. Nothing else may be wrong.
     *
     * @return how many calls were interrupted until now
     */
    private static int unharmed(CTarget program, String said, int mostInterrupted)
            throws IOException, InterruptedException {
        // When the dead JVM can be waited for, its last thread has let go of the program.
        assertThat(program.untouched()).isTrue();
        Matcher checked = CHECKED.matcher(said);
        assertThat(checked.matches()).as(said).isTrue();
        assertThat(checked.group(1)).as(said).isEqualTo(checked.group(2));
        assertThat(checked.group(3)).as(said).isEqualTo(checked.group(4));
        assertThat(Integer.parseInt(checked.group(5))).as(said).isLessThanOrEqualTo(mostInterrupted);
        // A copy has been killed with the reader, and is gone a moment later, but for its entry.
        program.awaitCopies(copies -> copies.stream().allMatch(copy -> copy.endsWith(" Z")));
        assertThat(program.copies()).hasSizeLessThanOrEqualTo(1);
        return Integer.parseInt(checked.group(5));
    }
}
