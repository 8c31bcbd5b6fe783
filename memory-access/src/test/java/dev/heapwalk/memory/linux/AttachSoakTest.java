// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.Window;
import java.io.IOException;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Stops a busy program again and again; the program itself says whether it noticed. {@code HEAPWALK_SOAK_ROUNDS} sets
 * how often, 100 times by itself.
 */
class AttachSoakTest {
    private static final int ROUNDS = Soak.count("HEAPWALK_SOAK_ROUNDS", 100);

    @Test
    void theProgramNoticesNothing() throws IOException, InterruptedException {
        Random random = new Random(4);
        long stoppedThreads = 0;
        long longest = 0;
        try (CTarget program = CTarget.program("busy")) {
            assertThat(program.line()).isEqualTo("ready");
            for (int round = 0; round < ROUNDS; round++) {
                long begin = System.nanoTime();
                try (Target target = Target.attach(program.pid())) {
                    longest = Math.max(longest, System.nanoTime() - begin);
                    stoppedThreads += target.threads().size();
                    if (round % 3 == 1) {
                        // Any threads go on for a moment, as if they were in the middle of a change.
                        int goes = 1 + random.nextInt(20);
                        int[] asked = {0};
                        target.settle(threads -> asked[0]++ < goes
                                ? threads.stream()
                                        .filter(_ -> random.nextInt(3) == 0)
                                        .toList()
                                : List.of());
                    }
                    for (ThreadState thread : target.threads()) {
                        assertThat(thread.registers().orElseThrow().threadPointer())
                                .isNotZero();
                    }
                    if (round % 10 == 0) {
                        // Every thread that is not about to be gone stands still, and none was overlooked.
                        assertThat(program.threads().values()).allMatch(state -> state.matches("t[1-9]\\d*|[ZX]\\d+"));
                        Window window = target.memory().window();
                        for (Mapping mapping : target.memory().mappings()) {
                            if (mapping.writable() && mapping.readable()) {
                                window.require(mapping.start(), 8);
                            }
                        }
                    }
                    Thread.sleep(random.nextInt(3));
                }
                assertThat(program.untouched()).isTrue();
                Thread.sleep(random.nextInt(5));
                if (round % 100 == 99) {
                    check(program, round + 1);
                }
            }
            check(program, ROUNDS);
            System.out.printf(
                    "%d rounds, %d threads stopped, longest stop taken %.1f ms%n",
                    ROUNDS, stoppedThreads, longest / 1e6);
        }
    }

    private static void check(CTarget program, int round) throws IOException {
        program.say("check");
        String said = program.line();
        System.out.println("after " + round + " rounds: " + said);
        assertThat(said).as("after %d rounds", round).startsWith("ok ");
    }
}
