// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.memory.NoSuchProcessException;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

/** Lets threads of a stopped process go on until what they change is whole. */
class SettleTest {
    /** Each thread has its id, and two counts that are the same but for a moment at each turn. */
    private static final String PAIRS = """
            #define _GNU_SOURCE
            #include <pthread.h>
            #include <stdatomic.h>
            #include <stdio.h>
            #include <unistd.h>
            #define THREADS 3
            static atomic_long pairs[THREADS][4];
            static void *count(void *of)
            {
                atomic_long *mine = of;
                mine[0] = gettid();
                for (;;) {
                    atomic_fetch_add(&mine[1], 1);
                    for (volatile int i = 0; i < 20; i++)
                        ;
                    atomic_fetch_add(&mine[2], 1);
                    for (volatile int i = 0; i < 20; i++)
                        ;
                }
                return NULL;
            }
            int main(void)
            {
                pthread_t thread;
                for (int i = 0; i < THREADS; i++)
                    pthread_create(&thread, NULL, count, pairs[i]);
                for (int i = 0; i < THREADS; i++)
                    while (!pairs[i][0])
                        ;
                printf("%lx\\nready\\n", (unsigned long)pairs);
                fflush(stdout);
                char c;
                while (read(0, &c, 1) > 0)
                    ;
                return 0;
            }
            """;

    private static final int THREADS = 3;
    private static final int WORDS = 4;
    private static final int LOOKS = 200;

    /** Makes a thread that makes the next one, and ends, all the time. */
    private static final String RELAY = """
            #include <pthread.h>
            #include <stdio.h>
            #include <unistd.h>
            static void *run(void *of)
            {
                pthread_t next;
                pthread_detach(pthread_self());
                while (pthread_create(&next, NULL, run, of))
                    ;
                return NULL;
            }
            int main(void)
            {
                pthread_t first;
                pthread_create(&first, NULL, run, NULL);
                printf("ready\\n");
                fflush(stdout);
                char c;
                while (read(0, &c, 1) > 0)
                    ;
                return 0;
            }
            """;

    /** The words of each thread, by its id. */
    private static Map<Long, long[]> pairs(Target target, long address) {
        MemorySegment all = MemorySegment.ofArray(target.memory().readBytes(address, THREADS * WORDS * Long.BYTES));
        Map<Long, long[]> pairs = new HashMap<>();
        for (int i = 0; i < THREADS; i++) {
            long at = (long) i * WORDS * Long.BYTES;
            pairs.put(all.get(Words.LONG, at), new long[] {
                all.get(Words.LONG, at + Long.BYTES), all.get(Words.LONG, at + 2 * Long.BYTES)
            });
        }
        return pairs;
    }

    private static List<ThreadState> those(List<ThreadState> threads, Predicate<ThreadState> which) {
        return threads.stream().filter(which).toList();
    }

    @Test
    void onlyThoseGoOnThatHaveToAndAllAreAtRestThen() throws Exception {
        try (CTarget program = CTarget.start("pairs", PAIRS)) {
            long address = program.hex();
            assertThat(program.line()).isEqualTo("ready");
            int settled = 0;
            int wentOn = 0;
            try (Target target = Target.observe(program.pid())) {
                for (int look = 0; look < LOOKS; look++) {
                    try (var _ = target.stop()) {
                        List<Map<Long, long[]>> seen = new ArrayList<>();
                        Rest rest = threads -> {
                            Map<Long, long[]> now = pairs(target, address);
                            seen.add(now);
                            return those(
                                    threads,
                                    thread -> now.containsKey(thread.tid())
                                            && now.get(thread.tid())[0] != now.get(thread.tid())[1]);
                        };
                        boolean good = target.settle(rest);
                        for (int i = 1; i < seen.size(); i++) {
                            for (long tid : seen.get(i).keySet()) {
                                long[] before = seen.get(i - 1).get(tid);
                                if (before[0] == before[1]) {
                                    assertThat(seen.get(i).get(tid))
                                            .as("one at rest")
                                            .containsExactly(before);
                                }
                            }
                        }
                        Map<Long, long[]> end = pairs(target, address);
                        Thread.sleep(1);
                        Map<Long, long[]> later = pairs(target, address);
                        end.forEach((tid, pair) -> assertThat(later.get(tid)).containsExactly(pair));
                        if (good) {
                            assertThat(end.values()).allMatch(pair -> pair[0] == pair[1]);
                            settled++;
                        }
                        wentOn += seen.size() > 1 ? 1 : 0;
                    }
                }
                // On a busy machine a thread may not run in the time that it is given.
                assertThat(settled).isPositive();
                assertThat(wentOn).isPositive();
                Map<Long, long[]> last = pairs(target, address);
                long deadline = System.nanoTime() + ThisMachine.PATIENCE.toNanos();
                for (long tid : last.keySet()) {
                    while (pairs(target, address).get(tid)[0] == last.get(tid)[0]) {
                        assertThat(System.nanoTime()).as("they go on").isLessThan(deadline);
                    }
                }
            }
        }
    }

    @Test
    void whatIsNeverAtRestStandsStillAllTheSame() throws Exception {
        try (CTarget program = CTarget.start("pairs", PAIRS)) {
            long address = program.hex();
            assertThat(program.line()).isEqualTo("ready");
            AtomicInteger asked = new AtomicInteger();
            try (Target target = Target.attach(program.pid())) {
                assertThat(target.settle(threads -> {
                            asked.incrementAndGet();
                            return threads;
                        }))
                        .isFalse();
                assertThat(asked.get()).isBetween(2, 251);
                Map<Long, long[]> end = pairs(target, address);
                Thread.sleep(5);
                Map<Long, long[]> later = pairs(target, address);
                end.forEach((tid, pair) -> assertThat(later.get(tid)).containsExactly(pair));
                assertThat(program.threads().values()).allMatch(state -> state.startsWith("t"));
                // And what can't tell does not say that it is.
                assertThat(target.settle(Rest.ALWAYS)).isTrue();
                assertThat(target.settle(Rest.ALWAYS.and(new Rest() {
                            @Override
                            public List<ThreadState> busy(List<ThreadState> threads) {
                                return List.of();
                            }

                            @Override
                            public boolean tells() {
                                return false;
                            }
                        })))
                        .isFalse();
            }
            assertThat(program.untouched()).isTrue();
        }
    }

    @Test
    void threadsThatComeAndGoMeanwhileStandStillToo() throws Exception {
        try (CTarget program = CTarget.start("relay", RELAY)) {
            assertThat(program.line()).isEqualTo("ready");
            try (Target target = Target.observe(program.pid())) {
                int settled = 0;
                for (int look = 0; look < LOOKS / 4; look++) {
                    try (var _ = target.stop()) {
                        AtomicInteger asked = new AtomicInteger();
                        boolean good = target.settle(threads -> asked.incrementAndGet() < 5
                                ? those(threads, thread -> thread.tid() != program.pid())
                                : List.of());
                        settled += good ? 1 : 0;
                        assertThat(program.threads().values()).allMatch(state -> state.matches("t[1-9]\\d*|[ZX]\\d+"));
                        assertThat(target.threads()).isNotEmpty();
                    }
                    assertThat(program.threads().values()).allMatch(state -> state.matches("[RSDZXI]0"));
                }
                assertThat(settled).isPositive();
            }
        }
    }

    @Test
    void whatRunsOnIsNotAtRestAndWhatEndsIsTold() throws Exception {
        try (CTarget program = CTarget.start("pairs", PAIRS)) {
            program.hex();
            assertThat(program.line()).isEqualTo("ready");
            try (Target target = Target.observe(program.pid())) {
                assertThat(target.settle(Rest.ALWAYS)).isFalse();
            }
            try (Target target = Target.attach(program.pid())) {
                assertThatThrownBy(() -> target.settle(threads -> {
                            kill(program.pid());
                            return threads;
                        }))
                        .isInstanceOf(NoSuchProcessException.class);
            }
        }
    }

    private static void kill(long pid) {
        try {
            new ProcessBuilder("kill", "-KILL", Long.toString(pid)).start().waitFor();
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
