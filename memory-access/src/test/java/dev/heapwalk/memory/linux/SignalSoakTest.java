// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Ends the reader by SIGINT and SIGTERM while it looks at a busy program, many of whose threads wait in calls that a stop
 * interrupts, again and again; the program counts each EINTR, and there is none. {@code HEAPWALK_SOAK_SIGNALS} sets how
 * often, 8 times in each way by itself.
 */
class SignalSoakTest {
    private static final int ROUNDS = Soak.count("HEAPWALK_SOAK_SIGNALS", 8);
    private static final int SIGINT = 2;
    private static final int SIGTERM = 15;

    @ParameterizedTest
    @EnumSource
    void theProgramNoticesNothing(Look look) throws IOException, InterruptedException {
        Random random = new Random(6);
        int stopped = 0;
        String said = "";
        try (CTarget program = CTarget.busy()) {
            for (int round = 1; round <= ROUNDS; round++) {
                int signal = round % 2 == 0 ? SIGINT : SIGTERM;
                // Who starts the tests in the background may have them ignore SIGINT, and a JVM heeds that.
                Process reader = new ProcessBuilder(Reader.command(
                                List.of("env", "--default-signal=INT,TERM"), "loop", program.pid(), look.name()))
                        .redirectErrorStream(true)
                        .start();
                var out = reader.inputReader();
                if (look.stops() && round % 4 < 2) {
                    // A JVM that has just begun: its first stop is the slowest.
                    assertThat(reader.isAlive()).isTrue();
                    while (program.untouched() && reader.isAlive()) {
                        Thread.onSpinWait();
                    }
                } else {
                    assertThat(out.readLine()).isEqualTo("going");
                    Thread.sleep(random.nextInt(20));
                }
                stopped += program.untouched() ? 0 : 1;
                assertThat(new ProcessBuilder("/usr/bin/kill", "-" + signal, Long.toString(reader.pid()))
                                .inheritIO()
                                .start()
                                .waitFor())
                        .isZero();
                assertThat(reader.waitFor(ThisMachine.PATIENCE)).isTrue();
                assertThat(reader.exitValue()).isEqualTo(128 + signal);
                assertThat(program.untouched()).as("after round %d", round).isTrue();
                said = program.check();
                assertThat(said).as("after round %d", round).startsWith("ok: ");
                program.awaitCopies(List::isEmpty);
            }
            program.finish();
            assertThat(program.exit()).isZero();
            System.out.printf(
                    "%s: %d signals, at %d of them threads were seen stopped; the program: %s%n",
                    look, ROUNDS, stopped, said);
        }
    }
}
