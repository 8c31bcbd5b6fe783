// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.NoSuchProcessException;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TouchedPages;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Reads a program whose every word holds its own address, so that the program itself says what is right. */
class LiveMemoryTest {
    /** Pages, and which of them are unmapped (u), unreadable (n) or behind the end of their file (f). */
    private static final int PAGES = 600;

    private static final String SOURCE = """
            #define _GNU_SOURCE
            #include <stdio.h>
            #include <stdint.h>
            #include <stdlib.h>
            #include <sys/mman.h>
            #include <unistd.h>
            int main(void) {
                long page = sysconf(_SC_PAGESIZE);
                char *area = mmap(0, 600 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                int fd = memfd_create("two pages", 0);
                if (ftruncate(fd, 2 * page)) return 1;
                mmap(area + 300 * page, 4 * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
                for (long i = 0; i < 600 * page; i += 8)
                    if (i < 302 * page || i >= 304 * page) *(uintptr_t *)(area + i) = (uintptr_t)(area + i);
                munmap(area + 37 * page, page);
                mprotect(area + 53 * page, 2 * page, PROT_NONE);
                munmap(area + 599 * page, page);
                printf("%lx\\n", (long)area);
                fflush(stdout);
                pause();
            }
            """;

    enum Way {
        CALL,
        FILE_BY_EPERM,
        FILE_BY_ENOSYS
    }

    private CTarget program;
    private long area;

    @BeforeEach
    void start() throws IOException {
        program = CTarget.start("holes", SOURCE);
        area = program.hex();
    }

    @AfterEach
    void end() throws IOException {
        program.close();
    }

    private Target open(Way way) {
        FakeLibc libc = new FakeLibc();
        switch (way) {
            case CALL -> {
                // As it is.
            }
            case FILE_BY_EPERM -> libc.always("process_vm_readv", Errno.EPERM);
            case FILE_BY_ENOSYS -> libc.always("process_vm_readv", Errno.ENOSYS);
        }
        return LiveTarget.observe(program.pid(), libc, ProcFs.ofThisMachine());
    }

    private static boolean hole(long page) {
        return page < 0 || page == 37 || page == 53 || page == 54 || page == 302 || page == 303 || page >= 599;
    }

    /** The first byte from an offset on that can't be read. */
    private static long holeFrom(long offset) {
        long page = offset >> 12;
        if (hole(page)) {
            return offset;
        }
        while (!hole(page)) {
            page++;
        }
        return page << 12;
    }

    @ParameterizedTest
    @EnumSource(Way.class)
    void readsUpToTheFirstHole(Way way) {
        try (Target target = open(way);
                Arena arena = Arena.ofConfined()) {
            AddressSpace memory = target.memory();
            assertThat(target.machine()).isEqualTo(Machine.X86_64);
            assertThat(target.pageSize()).isEqualTo(4096);
            Random random = new Random(1);
            for (int round = 0; round < 500; round++) {
                long offset = random.nextLong(PAGES << 12);
                int wanted = random.nextInt(1 << random.nextInt(1, 21));
                long expected = Math.min(holeFrom(offset) - offset, wanted);
                MemorySegment destination = round % 2 == 0
                        ? arena.allocate(Math.max(wanted, 1)).asSlice(0, wanted)
                        : MemorySegment.ofArray(new byte[wanted]);
                assertThat(memory.read(area + offset, destination)).isEqualTo(expected);
                checkWords(destination, area + offset, expected);
            }
            assertThatThrownBy(() -> memory.readBytes(area + 36 * 4096 + 5, 10000))
                    .isInstanceOf(UnmappedAddressException.class)
                    .hasMessageContaining("0x%x", area + 37 * 4096);
        }
    }

    private static void checkWords(MemorySegment local, long address, long length) {
        for (long at = -address & 7; at + 8 <= length; at += 8) {
            if (local.get(Words.LONG, at) != address + at) {
                assertThat(local.get(Words.LONG, at)).isEqualTo(address + at);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Way.class)
    void readsManyRangesAtOnce(Way way) {
        try (Target target = open(way);
                Arena arena = Arena.ofConfined()) {
            Random random = new Random(2);
            int count = 3000;
            long[] addresses = new long[count];
            long[] lengths = new long[count];
            long[] read = new long[count];
            for (int i = 0; i < count; i++) {
                addresses[i] = i % 500 == 7 ? random.nextLong() : area + random.nextLong(PAGES << 12);
                lengths[i] = i % 100 == 3 ? 0 : random.nextInt(20000);
            }
            long total = java.util.Arrays.stream(lengths).sum();
            for (MemorySegment destination :
                    new MemorySegment[] {arena.allocate(total), MemorySegment.ofArray(new byte[(int) total])}) {
                target.memory().readRanges(addresses, lengths, count, destination, read);
                long at = 0;
                for (int i = 0; i < count; i++) {
                    long offset = addresses[i] - area;
                    long expected =
                            offset < 0 || offset >= PAGES << 12 ? 0 : Math.min(lengths[i], holeFrom(offset) - offset);
                    assertThat(read[i]).as("range %d at page %x", i, offset).isEqualTo(expected);
                    checkWords(destination.asSlice(at, lengths[i]), addresses[i], read[i]);
                    at += lengths[i];
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Way.class)
    void windowsShowWhatIsThereAndNameWhatIsNot(Way way) {
        try (Target target = open(way)) {
            // A cache of one line, of some, of more than there is, and of short lines.
            for (Window window : new Window[] {
                target.memory().window(),
                target.memory().cache(1 << 16),
                target.memory().cache(5 << 16),
                target.memory().cache(64 << 20),
                target.memory().cache(1 << 16, 1 << 12),
                target.memory().cache(4 << 20, 1 << 13)
            }) {
                Random random = new Random(3);
                long position = 0;
                for (int round = 0; round < 20000; round++) {
                    position = random.nextInt(50) == 0
                            ? random.nextLong(PAGES << 12)
                            : (position + random.nextLong(1 << random.nextInt(1, 18))) % (PAGES << 12);
                    long wanted = random.nextInt(8) == 0 ? random.nextInt(Window.MAX_LENGTH + 1) : random.nextInt(64);
                    long offset = window.find(area + position, wanted);
                    long expected = holeFrom(position) - position;
                    if (expected < wanted) {
                        assertThat(offset).isEqualTo(-1);
                        assertThat(window.missing() - area).isEqualTo(position + expected);
                    } else {
                        assertThat(offset)
                                .as("%d bytes at %x", wanted, position)
                                .isNotEqualTo(-1);
                        // What lies behind may be used without asking again.
                        long shown = wanted == 0 ? 0 : Math.min(window.available(offset), 4096);
                        assertThat(shown).isGreaterThanOrEqualTo(Math.min(wanted, 4096));
                        checkWords(window.segment().asSlice(offset, shown), area + position, shown);
                    }
                }
                for (long bad : new long[] {0, 8, -1, Long.MIN_VALUE, Long.MAX_VALUE - 7, -4096}) {
                    assertThat(window.find(bad, 16)).isEqualTo(-1);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Way.class)
    void saysThatTheProcessEnded(Way way) throws IOException {
        try (Target target = open(way)) {
            assertThat(target.memory().readLong(area)).isEqualTo(area);
            program.close();
            assertThatThrownBy(() -> target.memory().readLong(area))
                    .isInstanceOf(NoSuchProcessException.class)
                    .hasMessageContaining("process " + program.pid() + " (holes) ended");
        }
    }

    @ParameterizedTest
    @EnumSource(Way.class)
    void refusesToReadAfterItWasClosed(Way way) {
        Target target = open(way);
        Window window = target.memory().window();
        window.require(area, 8);
        target.close();
        target.close();
        assertThatThrownBy(() -> target.memory().readLong(area)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> window.require(area + (400 << 12), 8)).isInstanceOf(IllegalStateException.class);
    }

    /** Four GiB of memory of which the program writes to two pages, and a file that it writes nothing of. */
    private static final String RESERVED = """
            #define _GNU_SOURCE
            #include <stdio.h>
            #include <sys/mman.h>
            #include <unistd.h>
            int main(void) {
                long page = sysconf(_SC_PAGESIZE);
                char *area = mmap(0, 1L << 32, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
                area[1000 * page] = area[900000 * page + 17] = 1;
                int fd = memfd_create("one page", 0);
                if (ftruncate(fd, page)) return 1;
                char *file = mmap(0, page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
                printf("%lx\\n%lx\\n", (long)area, (long)file);
                fflush(stdout);
                pause();
            }
            """;

    @Test
    void tellsWhichPagesWereNeverTouched() throws IOException {
        try (CTarget reserved = CTarget.start("reserved", RESERVED)) {
            long start = reserved.hex();
            long file = reserved.hex();
            try (Target target = Target.observe(reserved.pid())) {
                long end = start + (1L << 32);
                TouchedPages touched = target.memory().touched();
                assertThat(touched.next(start, end)).isEqualTo(start + 1000 * 4096);
                assertThat(touched.next(start + 1000 * 4096 + 5, end)).isEqualTo(start + 1000 * 4096 + 5);
                assertThat(touched.next(start + 1001 * 4096, end)).isEqualTo(start + 900_000L * 4096);
                assertThat(touched.next(start + 900_001L * 4096 + 1, end)).isEqualTo(end);
                assertThat(touched.next(start + 1001 * 4096, start + 1001 * 4096 + 8))
                        .isEqualTo(start + 1001 * 4096 + 8);
                // What a file holds is there without having been touched, and what is not mapped is for others to tell.
                assertThat(touched.next(file, file + 4096)).isEqualTo(file);
                assertThat(touched.next(8, 4096)).isEqualTo(8);
                assertThat(touched.next(end, end)).isEqualTo(end);
            }
            FakeLibc refusing = new FakeLibc().always("open", Errno.EACCES);
            try (Target target = LiveTarget.observe(reserved.pid(), refusing, ProcFs.ofThisMachine())) {
                assertThat(target.memory().touched().next(start, start + 8192)).isEqualTo(start);
            }
        }
    }
}
