// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.struct.StructView;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Reads by address in a program that says itself what is where. */
class ReaderTest extends AreaTest {
    private static final int PAGES = 600;

    /** Words that hold their own addresses, a hole, and texts that end with a page. */
    private static final String SOURCE = """
            #define _GNU_SOURCE
            #include <stdio.h>
            #include <stdint.h>
            #include <string.h>
            #include <sys/mman.h>
            #include <unistd.h>
            int main(void) {
                long page = sysconf(_SC_PAGESIZE);
                char *area = mmap(0, 600 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                for (long i = 0; i < 600 * page; i += 8) *(uintptr_t *)(area + i) = (uintptr_t)(area + i);
                strcpy(area + 37 * page - 6, "ended");
                memcpy(area + 99 * page - 7, "endless", 7);
                memset(area + 200 * page + 5, 'x', 70000);
                area[200 * page + 5 + 70000] = 0;
                munmap(area + 37 * page, page);
                munmap(area + 99 * page, page);
                printf("%lx\\n", (long)area);
                fflush(stdout);
                pause();
            }
            """;

    ReaderTest() {
        super("pointers", SOURCE);
    }

    private static Reader reader(Target target, String way) {
        return switch (way) {
            case "pages" -> target.memory().reader(64 << 10, 4096);
            case "lines" -> target.memory().reader(1 << 20, 1 << 16);
            default -> target.memory().reader(128 << 10);
        };
    }

    @ParameterizedTest
    @ValueSource(strings = {"process", "pages", "lines", "core"})
    void readsWhatIsThere(String way) throws Exception {
        try (Target target = open(way);
                Reader reader = reader(target, way)) {
            Random random = new Random(4);
            long page = 100;
            for (int round = 0; round < 20_000; round++) {
                page = random.nextInt(3) == 0 ? 100 + random.nextInt(99) : Math.min(198, page + random.nextInt(2));
                long offset = (page << 12) + random.nextInt(4096) & ~7L;
                long address = area + offset;
                assertThat(reader.readLong(address)).isEqualTo(address);
                assertThat(reader.readLong(address, 0)).isEqualTo(address);
                assertThat(reader.readInt(address)).isEqualTo((int) address);
                assertThat(reader.readInt(address + 4, 0)).isEqualTo((int) (address >>> 32));
                assertThat(reader.readShort(address)).isEqualTo((short) address);
                assertThat(reader.readShort(address + 2, (short) 0)).isEqualTo((short) (address >>> 16));
                assertThat(reader.readByte(address)).isEqualTo((byte) address);
                assertThat(reader.readByte(address + 1, (byte) 0)).isEqualTo((byte) (address >>> 8));
                // From here to the second half of the next word.
                assertThat(reader.readLong(address + 4)).isEqualTo(address + 8 << 32 | address >>> 32);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"process", "pages", "lines", "core"})
    void tellsWhatIsNotThere(String way) throws Exception {
        try (Target target = open(way);
                Reader reader = reader(target, way)) {
            long hole = area + (37 << 12);
            for (long bad :
                    new long[] {0, -1, -8, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 56, 8, hole, hole - 7, hole + 8}) {
                assertThat(reader.find(bad, 8)).isEqualTo(-1);
                assertThat(reader.readLong(bad, 4711)).isEqualTo(4711);
                assertThatThrownBy(() -> reader.readLong(bad))
                        .isInstanceOfSatisfying(
                                UnmappedAddressException.class,
                                e -> assertThat(e.address()).isEqualTo(bad == hole - 7 ? hole : bad));
                assertThat(reader.readCString(bad == hole - 7 ? hole : bad, 10, "none"))
                        .isEqualTo("none");
            }
            for (long bad : new long[] {0, -1, Long.MIN_VALUE, 1L << 56, hole}) {
                assertThat(reader.readInt(bad, 1)).isEqualTo(1);
                assertThat(reader.readShort(bad, (short) 2)).isEqualTo((short) 2);
                assertThat(reader.readByte(bad, (byte) 3)).isEqualTo((byte) 3);
                assertThatThrownBy(() -> reader.readByte(bad)).isInstanceOf(UnmappedAddressException.class);
                assertThatThrownBy(() -> reader.readCString(bad, 10)).isInstanceOf(UnmappedAddressException.class);
            }
            assertThat(reader.mapped(hole - 4096, 4096)).isTrue();
            assertThat(reader.mapped(hole - 4096, 4097)).isFalse();
            assertThat(reader.mapped(area, -1)).isFalse();
            reader.requireMapped(hole - 4096, 256, 16);
            reader.requireMapped(0, 0, 16);
            assertThatThrownBy(() -> reader.requireMapped(hole - 4096, 257, 16))
                    .isInstanceOf(UnmappedAddressException.class);
            assertThatThrownBy(() -> reader.requireMapped(area, Long.MAX_VALUE, 16))
                    .isInstanceOf(UnmappedAddressException.class);
            assertThatThrownBy(() -> reader.requireMapped(area, -1, 16)).isInstanceOf(UnmappedAddressException.class);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"process", "pages", "lines", "core"})
    void readsTexts(String way) throws Exception {
        try (Target target = open(way);
                Reader reader = reader(target, way)) {
            assertThat(reader.readCString(area + (37 << 12) - 6, 65536)).isEqualTo("ended");
            assertThat(reader.readCString(area + (37 << 12) - 6, 3)).isEqualTo("end");
            assertThat(reader.readCString(area + (37 << 12) - 6, 0)).isEmpty();
            long endless = area + (99 << 12) - 7;
            assertThat(reader.readCString(endless, 7)).isEqualTo("endless");
            assertThat(reader.readCString(endless, 8, "none")).isEqualTo("none");
            assertThatThrownBy(() -> reader.readCString(endless, 8))
                    .isInstanceOfSatisfying(
                            UnmappedAddressException.class,
                            e -> assertThat(e.address()).isEqualTo(endless + 7));
            long xs = area + (200 << 12) + 5;
            assertThat(reader.readCString(xs, Integer.MAX_VALUE)).isEqualTo("x".repeat(65536));
            assertThat(reader.readCString(xs + 10_000, Integer.MAX_VALUE)).isEqualTo("x".repeat(60_000));
        }
    }

    private static final class Pair extends StructView {
        static final long SIZE = 16;

        long first() {
            return longAt(0);
        }

        long second() {
            return longAt(8);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"process", "core"})
    void laysViews(String way) throws Exception {
        try (Target target = open(way);
                Reader reader = reader(target, way);
                Window window = target.memory().window()) {
            Pair pair = new Pair();
            for (long page : new long[] {110, 400, 111, 250, 598}) {
                long address = area + (page << 12) + 4088;
                assertThat(reader.at(address, Pair.SIZE, pair)).isSameAs(pair);
                assertThat(pair.first()).isEqualTo(address);
                assertThat(pair.second()).isEqualTo(address + 8);
                assertThat(pair.address()).isEqualTo(address);
                assertThat(pair.viewedBytes()).isEqualTo(16);
                assertThat(window.at(address, Pair.SIZE, pair).first()).isEqualTo(address);
                assertThat(pair.second()).isEqualTo(address + 8);
            }
            long edge = area + (37 << 12) - 8;
            assertThatThrownBy(() -> reader.at(edge, Pair.SIZE, pair)).isInstanceOf(UnmappedAddressException.class);
            assertThatThrownBy(() -> window.at(edge, Pair.SIZE, pair)).isInstanceOf(UnmappedAddressException.class);
        }
    }

    @Test
    void keepsWhatItReadUntilItForgets() throws Exception {
        try (CTarget counter = CTarget.start("counter", """
                        #include <stdio.h>
                        static volatile long count = 1;
                        int main(void) {
                            printf("%lx\\n", (long)&count);
                            fflush(stdout);
                            while (getchar() != EOF) { count++; printf("counted\\n"); fflush(stdout); }
                        }
                        """);
                Target target = Target.observe(counter.pid())) {
            long count = counter.hex();
            Reader reader = target.memory().reader(1 << 20);
            assertThat(reader.readLong(count)).isEqualTo(1);
            counter.say("");
            counter.line();
            assertThat(reader.readLong(count)).isEqualTo(1);
            reader.forget();
            assertThat(reader.readLong(count)).isEqualTo(2);
            reader.close();
            reader.close();
            reader.forget();
            assertThatThrownBy(() -> reader.readLong(count)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> reader.find(count, 0)).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void refusesABudgetThatIsTooSmall() {
        try (Target target = Target.observe(program.pid())) {
            assertThatThrownBy(() -> target.memory().reader((128 << 10) - 1))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("131072");
            assertThatThrownBy(() -> target.memory().reader(1 << 20, 100)).isInstanceOf(IllegalArgumentException.class);
        }
    }
}
