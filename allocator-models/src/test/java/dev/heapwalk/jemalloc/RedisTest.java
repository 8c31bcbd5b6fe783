// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.RedisProcess;
import dev.heapwalk.testkit.Release;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Debian's Redis, which has jemalloc for its allocator and tells what that has allocated. */
class RedisTest {
    private static final int KEYS = 50_000;
    /** It counts every tenth of a second, and frees what a client needs no more within seconds. */
    private static final long TICKS_MILLIS = 350;

    private static final int ATTEMPTS = 40;

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void allocatedBytesAreThoseThatItTells(Release release) throws Exception {
        try (RedisProcess redis = RedisProcess.start(release)) {
            redis.doAll(commands());
            long said = -1;
            Bytes bytes = new Bytes(0, 0);
            for (int i = 0; i < ATTEMPTS && bytes.allocated != said; i++) {
                TimeUnit.MILLISECONDS.sleep(TICKS_MILLIS);
                try (Target target = Target.attach(redis.pid())) {
                    bytes = Bytes.of(JemallocHeap.locate(target));
                }
                // What it counted last, before it was asked: nothing has happened to it in between.
                said = redis.memory("allocator_allocated");
            }
            assertThat(bytes.allocated).isEqualTo(said);
            assertThat(bytes.used).isBetween(KEYS * 40L, said);
        }
    }

    private static List<String> commands() {
        Random random = new Random(1);
        List<String> commands = new ArrayList<>();
        for (int i = 0; i < KEYS; i++) {
            commands.add("SET key:" + i + " " + "v".repeat(1 + random.nextInt(300)));
            commands.add("HSET hash:" + i % 500 + " field:" + i + " " + i);
            commands.add("ZADD sorted:" + i % 50 + " " + i + " member:" + i);
            if (i % 100 == 0) {
                commands.add("SET large:" + i + " " + "w".repeat(20_000 + random.nextInt(100_000)));
            }
        }
        for (int i = 0; i < KEYS; i += 3) {
            commands.add("DEL key:" + i);
        }
        return commands;
    }

    /**
     * What a walk finds.
     *
     * @param used in blocks of the program
     * @param allocated in these and in what threads have cached, which jemalloc counts too
     */
    private record Bytes(long used, long allocated) {
        static Bytes of(JemallocHeap heap) {
            long used = 0;
            long allocated = 0;
            try (JemallocCursor block = heap.blocks()) {
                while (block.next()) {
                    JemallocState state = block.jemallocState();
                    used += state == JemallocState.USED ? block.usableSize() : 0;
                    allocated += block.szind() >= 0
                                    && (state == JemallocState.USED
                                            || state == JemallocState.TCACHE
                                            || state == JemallocState.METADATA)
                            ? block.usableSize()
                            : 0;
                }
                assertThat(block.damage()).isEmpty();
            }
            assertThat(heap.damage()).isEmpty();
            return new Bytes(used, allocated);
        }
    }
}
