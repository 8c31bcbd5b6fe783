// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** For how long a process runs on between stops that find it in the middle of a change. */
class RestfulStopTest {
    private static final long LONG_NANOS = 50_000_000;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /** A process that comes to rest at one of its stops, each of which takes long. */
    private static final class Restless {
        private final int stopsInVain;
        private final List<Long> begun = new ArrayList<>();
        private final List<Long> ended = new ArrayList<>();

        private Restless(int stopsInVain) {
            this.stopsInVain = stopsInVain;
        }

        private Target target() {
            return (Target) Proxy.newProxyInstance(
                    Target.class.getClassLoader(),
                    new Class<?>[] {Target.class},
                    (self, method, arguments) -> switch (method.getName()) {
                        case "runsOn" -> true;
                        case "stop" -> {
                            begun.add(System.nanoTime());
                            yield (Target.Stop) () -> ended.add(System.nanoTime());
                        }
                        case "settle" -> {
                            while (System.nanoTime() - begun.getLast() < LONG_NANOS) {
                                Thread.onSpinWait();
                            }
                            yield begun.size() > stopsInVain;
                        }
                        default -> throw new AssertionError(method);
                    });
        }

        private void runsForHalfOfTheTime() {
            for (int i = 1; i < begun.size(); i++) {
                assertThat(begun.get(i) - ended.get(i - 1)).isGreaterThanOrEqualTo(ended.get(i - 1) - begun.get(i - 1));
            }
        }
    }

    @Test
    void theProcessRunsForAsLongAsItStoodStillInVain() {
        Restless process = new Restless(3);
        Target.Stop stop = RestfulStop.of(process.target(), Rest.ALWAYS, PATIENCE);
        assertThat(process.begun).hasSize(4);
        assertThat(process.ended).hasSize(3);
        process.runsForHalfOfTheTime();
        stop.close();
        assertThat(process.ended).hasSize(4);
    }

    @Test
    void soItDoesWhereTheThreadIsInterrupted() {
        Restless process = new Restless(3);
        Thread.currentThread().interrupt();
        RestfulStop.of(process.target(), Rest.ALWAYS, PATIENCE);
        assertThat(Thread.interrupted()).isTrue();
        assertThat(process.ended).hasSize(3);
        process.runsForHalfOfTheTime();
    }

    @Test
    void whenPatienceEndsItIsStoppedAsItIs() {
        Restless process = new Restless(Integer.MAX_VALUE);
        RestfulStop.of(process.target(), Rest.ALWAYS, Duration.ofNanos(3 * LONG_NANOS));
        assertThat(process.begun).hasSizeBetween(2, 3);
        assertThat(process.ended).hasSize(process.begun.size() - 1);
    }

    /** As long as it is known to be in the middle of a change, it is not stopped at all, until patience ends. */
    @Test
    void whatIsKnownToChangeRunsOn() {
        Restless process = new Restless(Integer.MAX_VALUE);
        Rest rest = new Rest() {
            @Override
            public List<ThreadState> busy(List<ThreadState> threads) {
                return threads;
            }

            @Override
            public boolean likely() {
                return false;
            }
        };
        long begun = System.nanoTime();
        RestfulStop.of(process.target(), rest, Duration.ofNanos(LONG_NANOS));
        assertThat(process.begun).hasSize(1);
        assertThat(process.begun.getFirst() - begun).isGreaterThanOrEqualTo(LONG_NANOS);
        assertThat(process.ended).isEmpty();
    }

    /** Longer than can be counted in nanoseconds. */
    @Test
    void patienceMayBeTheLongestThatThereIs() {
        Restless process = new Restless(1);
        RestfulStop.of(process.target(), Rest.ALWAYS, Duration.ofSeconds(Long.MAX_VALUE));
        assertThat(process.begun).hasSize(2);
        assertThat(process.ended).hasSize(1);
        AtomicInteger looks = new AtomicInteger();
        Rest rest = new Rest() {
            @Override
            public List<ThreadState> busy(List<ThreadState> threads) {
                return List.of();
            }

            @Override
            public boolean likely() {
                return looks.incrementAndGet() > 20;
            }
        };
        assertThat(rest.await(Duration.ofSeconds(Long.MAX_VALUE))).isTrue();
        assertThat(looks.get()).isEqualTo(21);
        Restless impatient = new Restless(1);
        RestfulStop.of(impatient.target(), Rest.ALWAYS, Duration.ofSeconds(Long.MIN_VALUE));
        assertThat(impatient.begun).hasSize(1);
        assertThat(impatient.ended).isEmpty();
    }
}
