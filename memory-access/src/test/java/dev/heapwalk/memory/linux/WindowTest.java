// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.memory.ElementCursor;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Ranges;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Buffers;
import dev.heapwalk.memory.raw.Checks;
import dev.heapwalk.memory.raw.RawMemory;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.memory.struct.StructView;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Who owns what a window shows, and what becomes of views that it has left, in a program whose every word holds its own
 * address.
 */
class WindowTest extends AreaTest {
    private static final long SIZE = 32 << 20;

    /** In two mappings, so that a core has them in two pieces as well. */
    private static final String SOURCE = """
            #define _GNU_SOURCE
            #include <stdio.h>
            #include <stdint.h>
            #include <sys/mman.h>
            #include <unistd.h>
            int main(void) {
                long size = 32l << 20, half = size / 2;
                char *area = mmap(0, size + (1 << 16), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                for (long i = 0; i < size; i += 8) *(uintptr_t *)(area + i) = (uintptr_t)(area + i);
                mprotect(area + half, half, PROT_READ);
                munmap(area + size, 1 << 16);
                printf("%lx\\n", (long)area);
                fflush(stdout);
                pause();
            }
            """;

    WindowTest() {
        super("own_addresses", SOURCE);
    }

    private static Window window(Target target, String way) {
        return way.equals("cache")
                ? target.memory().cache(128 << 10)
                : target.memory().window();
    }

    private static final class Pair extends StructView {
        static final long SIZE = 16;

        Pair wrap(MemorySegment segment, long offset, long address) {
            lay(segment, offset, address, SIZE);
            return this;
        }

        long first() {
            return longAt(0);
        }

        long second() {
            return longAt(8);
        }

        int third() {
            return intAt(16);
        }

        void lie(Pair other) {
            lay(other);
        }

        byte before() {
            return byteAt(-1);
        }
    }

    @Test
    void isChecked() {
        assertThat(Checks.ON).as("tests run with -ea").isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"process", "cache", "core"})
    void aFieldBehindWhatWasRequiredIsNone(String way) throws Exception {
        try (Target target = open(way);
                Window window = window(target, way)) {
            Pair pair = window.at(area + 4096, Pair.SIZE, new Pair());
            assertThat(pair.first()).isEqualTo(area + 4096);
            assertThat(pair.second()).isEqualTo(area + 4104);
            assertThatThrownBy(pair::third)
                    .isInstanceOf(IndexOutOfBoundsException.class)
                    .hasMessageContaining("16 bytes at 0x%x", area + 4096);
            assertThatThrownBy(pair::before).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(window.at(area, 8, pair)::second).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    /** Java evaluates arguments from left to right: the segment is the one of before, the offset that of another. */
    @ParameterizedTest
    @ValueSource(strings = {"process", "cache", "core"})
    void aSegmentThatWasAskedForBeforeTheOffsetIsTold(String way) throws Exception {
        try (Target target = open(way);
                Window window = window(target, way)) {
            Pair pair = new Pair();
            // Until a block shows it that was read ahead.
            for (long at = area; at < area + (12 << 20); at += 4096) {
                window.require(at, Pair.SIZE);
            }
            Mapping elsewhere = target.memory().mappings().stream()
                    .filter(mapping -> mapping.path().equals("[stack]"))
                    .findFirst()
                    .orElseThrow();
            long far = elsewhere.end() - 4096;
            // A core's segments are of the size of what they show, so the JDK may be the one that tells.
            assertThatThrownBy(() -> pair.wrap(window.segment(), window.require(far, Pair.SIZE), far)
                            .first())
                    .isInstanceOfAny(IllegalStateException.class, IndexOutOfBoundsException.class);
            long near = area + 72;
            if (!way.equals("process")) {
                // There it would be the same buffer again.
                assertThatThrownBy(() -> pair.wrap(window.segment(), window.require(near, Pair.SIZE), near)
                                .first())
                        .isInstanceOfAny(IllegalStateException.class, IndexOutOfBoundsException.class);
            }
            assertThat(pair.wrap(window.segment(), window.require(near, Pair.SIZE), near)
                            .second())
                    .isEqualTo(near + 8);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"process", "cache"})
    void aViewThatWasLeftIsTold(String way) throws Exception {
        try (Target target = open(way);
                Window window = window(target, way)) {
            Pair pair = window.at(area + 64, Pair.SIZE, new Pair());
            for (long at = 0; at < SIZE; at += 1 << 20) {
                window.require(area + at, 16);
            }
            assertThatThrownBy(pair::first)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("0x%x", area + 64);
            assertThat(window.at(area + 64, Pair.SIZE, pair).first()).isEqualTo(area + 64);
            window.forget();
            window.require(area + SIZE - 64, 16);
            assertThatThrownBy(pair::first).isInstanceOf(IllegalStateException.class);
        }
    }

    /** A cache may still have what it showed before, or not: that is no reason to read it by chance. */
    @Test
    void aViewOverACacheIsGoodUntilTheNextRead() {
        try (Target target = Target.observe(program.pid());
                Window window = target.memory().cache(1 << 20);
                Reader reader = target.memory().reader(1 << 20)) {
            Pair pair = window.at(area + 64, Pair.SIZE, new Pair());
            assertThat(pair.first()).isEqualTo(area + 64);
            window.require(area + 4096, 16);
            assertThatThrownBy(pair::first).isInstanceOf(IllegalStateException.class);
            reader.at(area + 64, Pair.SIZE, pair);
            assertThat(pair.first()).isEqualTo(area + 64);
            // From another cache of the same reader.
            reader.readLong(area + (3 << 16));
            assertThatThrownBy(pair::first).isInstanceOf(IllegalStateException.class);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"process", "cache", "core"})
    void aCopyStaysWhateverIsRead(String way) throws Exception {
        try (Target target = open(way);
                Window window = window(target, way)) {
            long offset = window.require(area + 64, Pair.SIZE);
            Pair pair = new Pair();
            pair.keep(window.segment(), offset, area + 64, Pair.SIZE);
            Pair same = new Pair();
            same.lie(pair);
            offset = window.require(area + SIZE - 64, Pair.SIZE);
            assertThat(pair.first()).isEqualTo(area + 64);
            assertThatThrownBy(pair::third).isInstanceOf(IndexOutOfBoundsException.class);
            pair.keep(window.segment(), offset, area + SIZE - 64, Pair.SIZE);
            assertThat(pair.first()).isEqualTo(area + SIZE - 64);
            assertThat(same.first()).isEqualTo(area + 64);
            window.forget();
            assertThat(pair.second()).isEqualTo(area + SIZE - 56);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"process", "cache", "core"})
    void showsNothingAfterItWasClosed(String way) throws Exception {
        try (Target target = open(way)) {
            Window window = window(target, way);
            Pair pair = window.at(area + 64, Pair.SIZE, new Pair());
            MemorySegment left = window.segment();
            window.close();
            window.close();
            window.forget();
            assertThatThrownBy(() -> window.require(area + 64, 8)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> window.find(area + 64, 0)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> window.find(0, 0)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> window.course(Ranges.NONE)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(pair::first).isInstanceOf(IllegalStateException.class);
            if (!way.equals("core")) {
                assertThatThrownBy(() -> left.get(Words.LONG, 0)).isInstanceOf(IllegalStateException.class);
            }
        }
    }

    @Test
    void viewsOverOtherMemoryAreNobodysBusiness() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment own = arena.allocate(16, 8);
            own.set(Words.LONG, 8, 4711);
            assertThat(new Pair().wrap(own, 0, area).second()).isEqualTo(4711);
            assertThat(new Pair()
                            .wrap(MemorySegment.ofArray(new long[] {1, 2}), 0, area)
                            .second())
                    .isEqualTo(2);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"process", "cache", "core"})
    void readsByAddressKeepWithinWhatIsShown(String way) throws Exception {
        try (Target target = open(way)) {
            Window window = window(target, way);
            long offset = window.require(area + 64, 16);
            long local = window.segment().address() + offset;
            assertThat(RawMemory.word(local + 8)).isEqualTo(area + 72);
            long behind = local + window.available(offset) - 7;
            assertThatThrownBy(() -> RawMemory.word(behind)).isInstanceOf(IllegalStateException.class);
            long before = window.segment().address() - 1;
            assertThatThrownBy(() -> RawMemory.word(before)).isInstanceOf(IllegalStateException.class);
            window.close();
            assertThatThrownBy(() -> RawMemory.word(local)).isInstanceOf(IllegalStateException.class);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"process", "cache", "core"})
    void goesThroughAnArray(String way) throws Exception {
        try (Target target = open(way);
                Window window = window(target, way);
                Reader reader = target.memory().reader(1 << 20)) {
            Pair pair = new Pair();
            long start = area + SIZE - 4000 * 24;
            ElementCursor<Pair> ofWindow = window.elements(start, 4000, 24, pair);
            ElementCursor<Pair> ofReader = reader.elements(start, 4000, 24, new Pair());
            for (int i = 0; i < 4000; i++) {
                assertThat(ofWindow.next()).isTrue();
                assertThat(ofReader.next()).isTrue();
                assertThat(ofWindow.view()).isSameAs(pair);
                assertThat(pair.second()).isEqualTo(start + 24L * i + 8);
                assertThat(ofReader.view().first()).isEqualTo(start + 24L * i);
                assertThat(ofReader.index()).isEqualTo(i);
                // Somebody else moves them.
                window.require(area + 8L * i, 8);
                reader.readLong(area + (i << 12));
            }
            assertThat(ofWindow.next()).isFalse();
            assertThat(ofReader.next()).isFalse();
            assertThat(ofReader.next()).isFalse();
            assertThat(window.elements(start, 0, 24, pair).next()).isFalse();

            // The last one does not lie in memory as a whole.
            ElementCursor<Pair> cut = reader.elements(area + SIZE - 40, 3, 16, pair);
            assertThat(cut.next()).isTrue();
            assertThat(cut.next()).isTrue();
            assertThatThrownBy(cut::next)
                    .isInstanceOfSatisfying(
                            UnmappedAddressException.class,
                            e -> assertThat(e.address()).isEqualTo(area + SIZE));
            assertThat(cut.next()).isFalse();
            assertThat(cut).hasToString("element 3 of 3 at 0x%x".formatted(area + SIZE - 40));
            assertThatThrownBy(() -> reader.elements(area, -1, 16, pair)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> reader.elements(area, Long.MAX_VALUE, 16, pair))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> reader.elements(area, 1, 0, pair)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    /** What the kernel says that this JVM has in memory, in bytes. */
    private static long resident() throws IOException {
        return 1024
                * Long.parseLong(Files.readAllLines(Path.of("/proc/self/status")).stream()
                        .filter(line -> line.startsWith("VmRSS:"))
                        .findFirst()
                        .orElseThrow()
                        .replaceAll("[^0-9]", ""));
    }

    /** Goes on until it is read ahead for, and jumps until jumps are guessed. */
    private void look(Window window, long from, long to) {
        for (long at = from; at < to; at += 4096) {
            long offset = window.require(at, 16);
            assertThat(window.segment().get(Words.LONG, offset)).isEqualTo(at);
        }
        for (long at = from; at < to; at += 200_000) {
            long offset = window.require(at, 16);
            assertThat(window.segment().get(Words.LONG, offset)).isEqualTo(at);
        }
    }

    @Test
    void freesItsBuffersWhenItIsClosed() throws Exception {
        try (Target target = Target.observe(program.pid())) {
            target.memory().readLong(area);
            try (Window window = target.memory().window()) {
                look(window, area, area + SIZE);
            }
            long before = Buffers.inUse();
            long residentBefore = resident();
            for (int i = 0; i < 100; i++) {
                Window window = target.memory().window();
                Reader reader = target.memory().reader(4 << 20);
                look(window, area, area + SIZE);
                for (long at = area; at < area + SIZE; at += 100_000) {
                    assertThat(reader.readLong(at)).isEqualTo(at);
                }
                assertThat(Buffers.inUse()).isGreaterThan(before + (5 << 20));
                window.close();
                reader.close();
                assertThat(Buffers.inUse()).isLessThanOrEqualTo(before);
            }
            // All together had 900 MiB.
            assertThat(resident() - residentBefore).isLessThan(300 << 20);
            assertThat(Thread.getAllStackTraces().keySet().stream()
                            .filter(thread -> thread.getName().equals("heapwalk read-ahead"))
                            .filter(thread -> !ended(thread)))
                    .isEmpty();
        }
    }

    private static boolean ended(Thread thread) {
        try {
            thread.join(60_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return !thread.isAlive();
    }

    /** One that nobody closed is freed some time after nobody can reach it any more, and not before. */
    @Test
    void leavesItsBuffersToTheCollectorWhenItIsNotClosed() throws Exception {
        try (Target target = Target.observe(program.pid())) {
            long before = Buffers.inUse();
            MemorySegment kept = forget(target);
            for (int i = 0; i < 600 && Buffers.inUse() > before + (4 << 20); i++) {
                System.gc();
                Thread.sleep(100);
            }
            assertThat(Buffers.inUse()).isLessThanOrEqualTo(before + (4 << 20));
            assertThat(kept.get(Words.LONG, 0)).isEqualTo(area);
        }
    }

    private MemorySegment forget(Target target) {
        for (int i = 0; i < 20; i++) {
            look(target.memory().window(), area, area + SIZE);
        }
        assertThat(Buffers.inUse()).isGreaterThan(32 << 20);
        Window window = target.memory().window();
        long offset = window.require(area, 8);
        return window.segment().asSlice(offset);
    }

    @Test
    void takesANewCourseWithTheBuffersThatItHas() {
        try (Target target = Target.observe(program.pid());
                Window window = target.memory().window()) {
            long mebi = 1 << 20;
            look(window, area, area + SIZE);
            long before = Buffers.inUse();
            for (int round = 0; round < 50; round++) {
                long[] starts = new long[4];
                long[] ends = new long[4];
                for (int i = 0; i < 4; i++) {
                    starts[i] = area + (8 * i + round % 3) * mebi;
                    ends[i] = starts[i] + 4 * mebi + round * 4096;
                }
                Ranges course = Ranges.of(starts, ends);
                window.course(course);
                for (int i = 0; i < course.count(); i++) {
                    look(window, course.start(i), course.end(i));
                }
            }
            assertThat(Buffers.inUse()).isLessThanOrEqualTo(before);
        }
    }

    /** A debugger asks at any time. */
    @ParameterizedTest
    @ValueSource(strings = {"process", "core"})
    void whatIsToldOfAViewNeverThrows(String way) throws Exception {
        Told view = new Told();
        assertThat(view).hasToString("Told over nothing");
        try (Target target = open(way)) {
            Window window = target.memory().window();
            assertThat(window).hasToString("a window that shows nothing yet");
            window.at(area + 64, 16, view);
            assertThat(view).hasToString("Told at 0x%x, word 0x%x".formatted(area + 64, area + 72));
            assertThat(window.toString()).startsWith("a window that shows ").contains(" bytes from 0x");
            // Where checks are on it is gone, else another word is told.
            window.require(area + SIZE - 64, 16);
            assertThat(view.toString()).startsWith("Told at 0x%x, ".formatted(area + 64));
            window.close();
            assertThat(window).hasToString("a closed window");
            assertThat(view.toString()).startsWith("Told at 0x%x, ".formatted(area + 64));
            try (Reader reader = target.memory().reader(1 << 20)) {
                assertThat(reader).hasToString("a reader, before its first read");
                assertThat(reader.readLong(area)).isEqualTo(area);
                assertThat(reader.toString()).contains("last at 0x%x".formatted(area));
            }
        }
        assertThat(view).hasToString("Told at 0x%x, not readable any more".formatted(area + 64));
    }

    private static final class Told extends StructView {
        @Override
        protected String describeFields() {
            return "word 0x%x".formatted(longAt(8));
        }
    }
}
