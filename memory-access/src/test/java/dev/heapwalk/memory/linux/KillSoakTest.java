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
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Kills the reader while it stops and reads a busy program, again and again; the program lives on unharmed.
 * {@code HEAPWALK_SOAK_KILLS} sets how often, 5 times by itself.
 */
class KillSoakTest {
    private static final int KILLS = Soak.count("HEAPWALK_SOAK_KILLS", 5);
    private static final Pattern EINTR = Pattern.compile("(\\d+) EINTR, (\\d+) other");

    @ParameterizedTest
    @ValueSource(strings = {"loop", "hold"})
    void theProgramLivesOn(String how) throws IOException, InterruptedException {
        Random random = new Random(5);
        int stopped = 0;
        String said = "";
        try (CTarget program = CTarget.program("busy")) {
            assertThat(program.line()).isEqualTo("ready");
            for (int kill = 1; kill <= KILLS; kill++) {
                Process reader = new ProcessBuilder(Reader.command(List.of(), how, program.pid()))
                        .redirectErrorStream(true)
                        .start();
                assertThat(reader.inputReader().readLine()).isEqualTo("going");
                Thread.sleep(random.nextInt(100));
                // Every other time in a moment when some thread or all of them stand still.
                boolean still = !program.untouched();
                while (kill % 2 == 0 && !still) {
                    still = !program.untouched();
                }
                assertThat(reader.isAlive()).isTrue();
                reader.destroyForcibly();
                stopped += still ? 1 : 0;
                assertThat(reader.waitFor(ThisMachine.PATIENCE)).isTrue();
                // When the dead JVM can be waited for, its last thread has let go of the program.
                assertThat(program.untouched()).as("after kill %d", kill).isTrue();
                program.say("check");
                said = program.line();
                checkAllButOneCallEach(said, kill);
            }
            System.out.printf(
                    "%d kills, in %d of them threads were seen stopped just before; the program: %s%n",
                    KILLS, stopped, said);
        }
    }

    /**
     * A JVM that is killed between the interruption of a thread and the moment when it tells the kernel to restart the
     * thread's call leaves that one thread with an EINTR. Nothing else may be wrong.
     */
    private static void checkAllButOneCallEach(String said, int kills) {
        Matcher calls = EINTR.matcher(said);
        int interrupted = 0;
        int others = 0;
        while (calls.find()) {
            interrupted += Integer.parseInt(calls.group(1));
            others += Integer.parseInt(calls.group(2));
        }
        assertThat(interrupted).as(said).isLessThanOrEqualTo(kills);
        assertThat(others).as(said).isZero();
        if (interrupted == 0) {
            assertThat(said).as("after %d kills", kills).startsWith("ok ");
            return;
        }
        Matcher counts = Pattern.compile("bad signals (\\d+) of (\\d+), values (\\d+) of (\\d+), timer runs, "
                        + "blocks \\d+, bad (\\d+), .*")
                .matcher(said);
        assertThat(counts.matches()).as(said).isTrue();
        assertThat(counts.group(1)).as(said).isEqualTo(counts.group(2));
        assertThat(counts.group(3)).as(said).isEqualTo(counts.group(4));
        assertThat(counts.group(5)).as(said).isEqualTo("0");
    }
}
