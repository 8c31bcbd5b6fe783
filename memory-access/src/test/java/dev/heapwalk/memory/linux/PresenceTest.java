// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Copier;
import dev.heapwalk.memory.Ranges;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.TargetOptions;
import dev.heapwalk.memory.TouchedPages;
import dev.heapwalk.memory.Window;
import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** That a look leaves the memory of a process as it is. The kernel tells how much of it is resident and swapped out. */
class PresenceTest {
    private static final int PAGE = 4096;
    private static final int PAGES = 6000;
    /** Some pages are touched alone, some in runs, and in places every second one; large parts never are. */
    private static final String TOUCHED = "(i < 2000 ? i % 7 == 3 : i < 3000 ? i % 2 == 0 : i / 500 % 2 == 0)";

    private static final String SOURCE = """
            #include <stdio.h>
            #include <string.h>
            #include <sys/mman.h>
            #include <unistd.h>
            #define PAGES 6000L
            int main(void) {
                char *area = mmap(0, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                madvise(area, PAGES * 4096, MADV_NOHUGEPAGE);
                for (long i = 0; i < PAGES; i++)
                    if TOUCHED for (long j = 0; j < 512; j++) ((long *) (area + i * 4096))[j] = i * 512 + j + 1;
                munmap(area + 1500 * 4096, 4096);
                printf("%lx\\n", (long) area);
                fflush(stdout);
                char line[100];
                while (fgets(line, sizeof line, stdin)) {
                    long page = -1;
                    if (sscanf(line, "out %ld", &page) == 1)
                        /* MADV_PAGEOUT; the hole makes it fail, after all was done. */
                        madvise(area, PAGES * 4096, 21);
                    else if (sscanf(line, "touch %ld", &page) == 1)
                        *(long *) (area + page * 4096) = page == 5000 ? 5000 * 512 + 1 : 77;
                    puts(page < 0 ? "refused" : "done");
                    fflush(stdout);
                }
            }
            """.replace("TOUCHED", TOUCHED);

    private static boolean touched(int i) {
        return i < 2000 ? i % 7 == 3 : i < 3000 ? i % 2 == 0 : i / 500 % 2 == 0;
    }

    private static long expected(long offset) {
        int page = (int) (offset / PAGE);
        return touched(page) ? offset / Long.BYTES + 1 : 0;
    }

    /** A line of {@code status}, in bytes. */
    private static long status(CTarget program, String name) throws IOException {
        return Files.readAllLines(Path.of("/proc/" + program.pid() + "/status"), StandardCharsets.ISO_8859_1).stream()
                        .filter(line -> line.startsWith(name + ":"))
                        .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
                        .sum()
                << 10;
    }

    /** Whether a page is swapped out, as the kernel tells: asked to, it may leave one where it is. */
    private static boolean swappedOut(CTarget program, long address) throws IOException {
        try (RandomAccessFile pages = new RandomAccessFile("/proc/" + program.pid() + "/pagemap", "r")) {
            pages.seek(address / PAGE * Long.BYTES);
            return (Long.reverseBytes(pages.readLong()) >>> 62 & 1) != 0;
        }
    }

    private static void notCopied(Copier copier, String why) {
        assertThatThrownBy(copier::copy)
                .isInstanceOfSatisfying(
                        TargetException.class, e -> assertThat(e.reason()).isEqualTo(TargetException.Reason.NOT_COPIED))
                .hasMessageContaining(why);
    }

    private static void say(CTarget program, String what) throws IOException {
        program.say(what);
        assertThat(program.line()).isEqualTo("done");
    }

    private static Target open(CTarget program, String mode, Libc libc) {
        return mode.equals("stop")
                ? LiveTarget.attach(program.pid(), TargetOptions.DEFAULT, libc, ProcFs.ofThisMachine())
                : LiveTarget.observe(program.pid(), TargetOptions.DEFAULT, libc, ProcFs.ofThisMachine());
    }

    private static FakeLibc libc(String how) {
        return switch (how) {
            case "words" -> new FakeLibc().always("ioctl", Errno.ENOSYS);
            case "file" -> new FakeLibc().always("process_vm_readv", Errno.EPERM);
            case "short" -> new FakeLibc().shortReads(5000);
            default -> new FakeLibc();
        };
    }

    @ParameterizedTest
    @CsvSource({
        "stop, scan",
        "observe, scan",
        "stop, words",
        "observe, words",
        "stop, file",
        "observe, file",
        "stop, short"
    })
    void noWayToReadMakesAnythingResident(String mode, String how) throws IOException {
        try (CTarget program = CTarget.start("presence", SOURCE)) {
            long area = program.hex();
            // It has made room for what it is told.
            say(program, "touch 5000");
            long before = status(program, "RssAnon");
            try (Target target = open(program, mode, libc(how))) {
                AddressSpace memory = target.memory();
                target.modules();
                wholePieces(memory, area);
                ranges(memory, area);
                sequential(memory, area);
                jumps(memory, area);
                pointers(memory, area);
                assertThat(memory.swappedIn()).isZero();
            }
            assertThat(status(program, "RssAnon")).isEqualTo(before);
        }
    }

    /** Also when the process has changed what was copied, and when it has ended. */
    @ParameterizedTest
    @CsvSource({"stop, scan", "observe, scan", "observe, words", "observe, file", "observe, short"})
    void aCopyHasTheSameAndMakesNothingResident(String mode, String how) throws IOException, InterruptedException {
        try (CTarget program = CTarget.start("presence", SOURCE)) {
            long area = program.hex();
            say(program, "touch 5000");
            long before = status(program, "RssAnon");
            Target copy;
            try (Target target = open(program, mode, libc(how))) {
                Copier copier = target.copier(1L << 30);
                try (Target.Stop _ = target.stop()) {
                    copy = copier.copy();
                }
            }
            assertThat(status(program, "RssAnon")).isEqualTo(before);
            for (int page = 3500; page < 3600; page++) {
                say(program, "touch " + page);
            }
            program.finish();
            assertThat(program.exit()).isZero();
            try (copy) {
                AddressSpace memory = copy.memory();
                wholePieces(memory, area);
                ranges(memory, area);
                sequential(memory, area);
                jumps(memory, area);
                pointers(memory, area);
                touchedPages(memory, area);
                assertThat(memory.swappedIn()).isZero();
            }
        }
    }

    /** A search goes over each page that was touched, and over few others. */
    private static void touchedPages(AddressSpace memory, long area) {
        TouchedPages touched = memory.touched();
        long limit = area + (long) PAGES * PAGE;
        int held = 0;
        for (int page = 0; page < PAGES; page++) {
            long at = area + (long) page * PAGE;
            boolean here = touched.next(at, at + PAGE) == at;
            held += here ? 1 : 0;
            if (touched(page) && page != 1500) {
                assertThat(here).as("page %d", page).isTrue();
                assertThat(touched.end(at, limit)).isGreaterThan(at);
            }
        }
        // Short gaps are copied with what lies around them.
        assertThat(held).isLessThan(4500);
    }

    private static void wholePieces(AddressSpace memory, long area) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment all = arena.allocate((long) PAGES * PAGE, 8);
            all.fill((byte) 0x55);
            assertThat(memory.read(area, all)).isEqualTo(1500L * PAGE);
            assertThat(memory.read(area + 1501L * PAGE, all.asSlice(1501L * PAGE)))
                    .isEqualTo((PAGES - 1501L) * PAGE);
            for (long offset = 0; offset < all.byteSize(); offset += Long.BYTES) {
                if (offset / PAGE != 1500 && all.get(ValueLayout.JAVA_LONG, offset) != expected(offset)) {
                    assertThat(all.get(ValueLayout.JAVA_LONG, offset))
                            .as("at %d", offset)
                            .isEqualTo(expected(offset));
                }
            }
        }
        Random random = new Random(5);
        for (int i = 0; i < 2000; i++) {
            long offset = random.nextInt(1501 * PAGE, PAGES * PAGE - 8) & -8L;
            assertThat(memory.readLong(area + offset)).isEqualTo(expected(offset));
        }
    }

    private static void ranges(AddressSpace memory, long area) {
        int count = 3000;
        long[] addresses = new long[count];
        long[] lengths = new long[count];
        long[] read = new long[count];
        Random random = new Random(6);
        for (int i = 0; i < count; i++) {
            addresses[i] = area + (random.nextInt(0, PAGES * PAGE - 9000) & -8L);
            lengths[i] = random.nextInt(0, 600) * 8L;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment all = arena.allocate(count * 4800L, 8);
            memory.readRanges(addresses, lengths, count, all, read);
            long at = 0;
            for (int i = 0; i < count; i++) {
                long hole = area + 1500L * PAGE;
                long wanted = addresses[i] < hole && addresses[i] + lengths[i] > hole
                        ? hole - addresses[i]
                        : addresses[i] >= hole && addresses[i] < hole + PAGE ? 0 : lengths[i];
                assertThat(read[i]).as("range %d", i).isEqualTo(wanted);
                for (long j = 0; j < read[i]; j += 8) {
                    if (all.get(ValueLayout.JAVA_LONG, at + j) != expected(addresses[i] - area + j)) {
                        assertThat(all.get(ValueLayout.JAVA_LONG, at + j)).isEqualTo(expected(addresses[i] - area + j));
                    }
                }
                at += lengths[i];
            }
        }
    }

    /** Far enough for what is read ahead. */
    private static void sequential(AddressSpace memory, long area) {
        long from = area + 1501L * PAGE;
        long to = area + (long) PAGES * PAGE;
        for (Ranges course : new Ranges[] {Ranges.NONE, Ranges.of(new long[] {from}, new long[] {to})}) {
            try (Window window = memory.window(course)) {
                for (long at = from; at < to; at += 64) {
                    long offset = window.require(at, 64);
                    if (window.segment().get(ValueLayout.JAVA_LONG_UNALIGNED, offset) != expected(at - area)) {
                        assertThat(window.segment().get(ValueLayout.JAVA_LONG_UNALIGNED, offset))
                                .as("at %d", at - area)
                                .isEqualTo(expected(at - area));
                    }
                }
            }
        }
    }

    private static void jumps(AddressSpace memory, long area) {
        for (int step : new int[] {3, 5, 16, 40}) {
            try (Window window = memory.window()) {
                for (int page = 1501; page < PAGES; page += step) {
                    long at = area + (long) page * PAGE + 8L * (page % 500);
                    long offset = window.require(at, 16);
                    assertThat(window.segment().get(ValueLayout.JAVA_LONG_UNALIGNED, offset))
                            .isEqualTo(expected(at - area));
                }
            }
        }
    }

    private static void pointers(AddressSpace memory, long area) {
        Random random = new Random(7);
        try (Reader reader = memory.reader(1 << 18);
                Window pages = memory.cache(1 << 17, PAGE)) {
            for (int i = 0; i < 20_000; i++) {
                long offset = random.nextInt(1501 * PAGE, PAGES * PAGE - 8) & -8L;
                long at = i % 3 == 0 ? offset : Math.clamp(1501L * PAGE + i * 24, 0, (long) PAGES * PAGE - 8) & -8L;
                assertThat(reader.readLong(area + at)).isEqualTo(expected(at));
                long there = pages.require(area + offset, 8);
                assertThat(pages.segment().get(ValueLayout.JAVA_LONG_UNALIGNED, there))
                        .isEqualTo(expected(offset));
            }
            assertThat(reader.readLong(area + 1500L * PAGE, -5)).isEqualTo(-5);
        }
    }

    /** What was zeros once need not be so for ever. */
    @ParameterizedTest
    @ValueSource(strings = {"scan", "words"})
    void aPageThatCameSinceIsSeen(String how) throws IOException {
        try (CTarget program = CTarget.start("presence", SOURCE)) {
            long area = program.hex();
            try (Target target = open(program, "observe", libc(how));
                    Window window = target.memory().window();
                    Reader reader = target.memory().reader(1 << 18)) {
                for (int page = 3500; page < 3600; page++) {
                    long at = area + (long) page * PAGE;
                    assertThat(target.memory().readLong(at)).isZero();
                    assertThat(reader.readLong(at)).isZero();
                    assertThat(window.require(at, 8)).isNotNegative();
                    say(program, "touch " + page);
                    assertThat(target.memory().readLong(at)).isEqualTo(77);
                    reader.forget();
                    assertThat(reader.readLong(at)).isEqualTo(77);
                    window.forget();
                    long offset = window.require(at, 8);
                    assertThat(window.segment().get(ValueLayout.JAVA_LONG_UNALIGNED, offset))
                            .isEqualTo(77);
                    try (Target.Stop _ = target.stop()) {
                        assertThat(target.memory().readLong(at)).isEqualTo(77);
                        assertThat(target.memory().readLong(at + 200L * PAGE)).isZero();
                    }
                }
            }
        }
    }

    /** Only pages that somebody asked for are brought back, each is counted once, and nothing else is. */
    @ParameterizedTest
    @CsvSource({"stop, scan", "observe, scan", "stop, words", "observe, words"})
    void whatIsSwappedOutStaysSoUnlessItIsAskedFor(String mode, String how) throws IOException, InterruptedException {
        try (Swap _ = Swap.on();
                CTarget program = CTarget.start("presence", SOURCE)) {
            long area = program.hex();
            say(program, "out 1");
            long out = status(program, "VmSwap");
            assertThat(out).isGreaterThan(1000L * PAGE);
            try (Target target = open(program, mode, libc(how))) {
                AddressSpace memory = target.memory();
                long asked = 0;
                long begun = out - status(program, "VmSwap");
                // A header in each 10th page; what lies between is covered by windows, lines and what is read ahead.
                try (Window window = memory.window();
                        Reader reader = memory.reader(1 << 18)) {
                    for (int page = 1510; page < PAGES; page += 10) {
                        long at = (long) page * PAGE + 128;
                        asked += swappedOut(program, area + at) ? PAGE : 0;
                        long offset = window.require(area + at, 16);
                        assertThat(window.segment().get(ValueLayout.JAVA_LONG_UNALIGNED, offset))
                                .isEqualTo(expected(at));
                        assertThat(reader.readLong(area + at)).isEqualTo(expected(at));
                    }
                }
                assertThat(out - status(program, "VmSwap") - begun).isEqualTo(asked);
                assertThat(memory.swappedIn()).isEqualTo(asked);
                assertThat(asked).isPositive();
            }
        }
    }

    /** Where the kernel does not tell what was touched, a copy would touch all. */
    @Test
    void nothingIsCopiedWhereTheKernelDoesNotTellWhatIsThere() throws IOException {
        try (CTarget program = CTarget.start("presence", SOURCE)) {
            program.hex();
            say(program, "touch 5000");
            long before = status(program, "RssAnon");
            try (Target target = open(program, "observe", new FakeLibc().always("open", Errno.EACCES))) {
                Copier copier = target.copier(1L << 30);
                assertThat(copier.bytes()).isZero();
                try (Target.Stop _ = target.stop()) {
                    notCopied(copier, "the kernel does not tell");
                }
            }
            assertThat(status(program, "RssAnon")).isEqualTo(before);
        }
    }

    /** A copy brings back a little that is swapped out, so that it has all. */
    @Test
    void littleThatIsSwappedOutIsCopied() throws IOException, InterruptedException {
        try (Swap _ = Swap.on();
                CTarget program = CTarget.start("presence", SOURCE)) {
            long area = program.hex();
            say(program, "out 1");
            try (Target target = Target.observe(program.pid())) {
                int last = PAGES - 1;
                while (!swappedOut(program, area + (long) last * PAGE)) {
                    last--;
                }
                for (int page = 0; page < last; page++) {
                    if (touched(page)) {
                        target.memory().readLong(area + (long) page * PAGE + 128);
                    }
                }
                assertThat(status(program, "VmSwap")).isPositive();
                Copier copier = target.copier(1L << 30);
                try (Target.Stop _ = target.stop();
                        Target copy = copier.copy()) {
                    long at = (long) last * PAGE + 128;
                    assertThat(copy.memory().readLong(area + at)).isEqualTo(expected(at));
                }
            }
        }
    }

    /** A copy would lack much, or bring it back. */
    @Test
    void whatIsSwappedOutIsNotCopied() throws IOException, InterruptedException {
        try (Swap _ = Swap.on();
                CTarget program = CTarget.start("presence", SOURCE)) {
            program.hex();
            say(program, "out 1");
            long out = status(program, "VmSwap");
            try (Target target = Target.observe(program.pid())) {
                Copier copier = target.copier(1L << 30);
                try (Target.Stop _ = target.stop()) {
                    notCopied(copier, "swapped out");
                }
                assertThat(status(program, "VmSwap")).isEqualTo(out);
            }
        }
    }

    /**
     * What is only looked at in passing is left where it is, and shown as soon as somebody else has brought it back.
     */
    @ParameterizedTest
    @CsvSource({"stop, scan", "observe, words"})
    void aResidentWindowBringsNothingBack(String mode, String how) throws IOException, InterruptedException {
        try (Swap _ = Swap.on();
                CTarget program = CTarget.start("presence", SOURCE)) {
            long area = program.hex();
            say(program, "out 1");
            long out = status(program, "VmSwap");
            try (Target target = open(program, mode, libc(how));
                    Window resident = target.memory().residentWindow();
                    Window other = target.memory().window()) {
                int left = 0;
                for (int page = 1510; page < PAGES; page += 10) {
                    long at = area + (long) page * PAGE + 128;
                    if (resident.find(at, 16) < 0) {
                        left++;
                        assertThat(resident.missing()).isEqualTo(at);
                    }
                }
                assertThat(status(program, "VmSwap")).isEqualTo(out);
                assertThat(target.memory().swappedIn()).isZero();
                assertThat(left).isPositive();
                assertThat(target.notices()).anyMatch(line -> line.startsWith("contents that are swapped out"));
                for (int page = 1510; page < PAGES; page += 10) {
                    long at = (long) page * PAGE + 128;
                    other.require(area + at, 16);
                    long offset = resident.require(area + at, 16);
                    assertThat(resident.segment().get(ValueLayout.JAVA_LONG_UNALIGNED, offset))
                            .isEqualTo(expected(at));
                }
            }
        }
    }

    /** Swap in compressed memory, where the machine has none. */
    private static final class Swap implements AutoCloseable {
        private static final Path SIZE = Path.of("/sys/block/zram0/disksize");
        private final boolean mine;

        private Swap(boolean mine) {
            this.mine = mine;
        }

        /** Ends the test where there can be none. */
        static Swap on() throws IOException, InterruptedException {
            if (Files.readAllLines(Path.of("/proc/swaps")).size() > 1) {
                return new Swap(false);
            }
            boolean made = make();
            if (!made) {
                ThisMachine.leavesOut("memory that is swapped out", "no swap, and no zram to make some");
            }
            assumeTrue(made);
            return new Swap(true);
        }

        private static boolean make() throws IOException, InterruptedException {
            if (!Files.isWritable(SIZE) || !Files.readString(SIZE).strip().equals("0")) {
                return false;
            }
            Files.writeString(SIZE, "268435456");
            boolean made = run("mkswap", "/dev/zram0") && run("swapon", "/dev/zram0");
            if (!made) {
                Files.writeString(Path.of("/sys/block/zram0/reset"), "1");
            }
            return made;
        }

        private static boolean run(String... command) throws IOException, InterruptedException {
            try {
                return new ProcessBuilder(command)
                                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                                .redirectError(ProcessBuilder.Redirect.DISCARD)
                                .start()
                                .waitFor()
                        == 0;
            } catch (IOException e) {
                // Not installed.
                return false;
            }
        }

        @Override
        public void close() throws IOException {
            if (mine) {
                try {
                    run("swapoff", "/dev/zram0");
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                Files.writeString(Path.of("/sys/block/zram0/reset"), "1");
            }
        }
    }
}
