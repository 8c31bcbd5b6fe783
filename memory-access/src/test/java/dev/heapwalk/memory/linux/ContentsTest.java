// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.memory.Contents;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnmappedAddressException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Hashes what gdb dumps of a program by the library that XXH64 comes from, and has the program compare its memory
 * itself.
 */
class ContentsTest extends AreaTest {
    private static final int SIZE = 5 << 20;

    /** Twice the same but for some bytes; a question is two offsets and a length. */
    private static final String SOURCE = """
            #define _GNU_SOURCE
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <sys/mman.h>
            #include <unistd.h>
            int main(void) {
                long size = 5 << 20;
                unsigned char *area = mmap(0, 2 * size + 4096, PROT_READ | PROT_WRITE,
                                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                munmap(area + 2 * size, 4096);
                for (long i = 0; i < size; i++) area[i] = area[size + i] = i * 2654435761u >> 13 ^ i >> 9;
                for (long i = 3; i < size; i += 700001) area[i] ^= 1 + i % 255;
                printf("%lx\\n", (long)area);
                fflush(stdout);
                long a, b, n;
                while (scanf("%ld %ld %ld", &a, &b, &n) == 3) {
                    int sign = memcmp(area + a, area + b, n);
                    long same = 0;
                    while (same < n && area[a + same] == area[b + same]) same++;
                    printf("%d %ld\\n", sign < 0 ? -1 : sign > 0, same == n ? -1 : same);
                    fflush(stdout);
                }
            }
            """;

    ContentsTest() {
        super("compared", SOURCE);
    }

    private byte[] dump() throws Exception {
        Path file = folder.resolve("dump");
        Process gdb = new ProcessBuilder(
                        "gdb",
                        "-q",
                        "-nx",
                        "-batch",
                        "-p",
                        Long.toString(program.pid()),
                        "-ex",
                        "dump binary memory %s 0x%x 0x%x".formatted(file, area, area + 2 * SIZE))
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("gdb.out").toFile())
                .start();
        assertThat(gdb.waitFor()).isZero();
        byte[] bytes = Files.readAllBytes(file);
        assertThat(bytes).hasSize(2 * SIZE);
        return bytes;
    }

    @ParameterizedTest
    @ValueSource(strings = {"process", "core"})
    void hashesAsXxh64(String way) throws Throwable {
        byte[] bytes = dump();
        try (Target target = open(way);
                Contents contents = target.memory().contents();
                Arena arena = Arena.ofConfined()) {
            // gdb is linked with it.
            MethodHandle xxh64 = Linker.nativeLinker()
                    .downcallHandle(
                            SymbolLookup.libraryLookup("libxxhash.so.0", arena).findOrThrow("XXH64"),
                            FunctionDescriptor.of(JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG));
            MemorySegment copy = arena.allocateFrom(JAVA_BYTE, bytes);
            Random random = new Random(7);
            for (int round = 0; round < 600; round++) {
                int length = round < 200 ? round : random.nextInt(1 << random.nextInt(1, 23));
                int at = random.nextInt(2 * SIZE - length + 1);
                assertThat(contents.hash(area + at, length))
                        .as("%d bytes at %d", length, at)
                        .isEqualTo((long) xxh64.invokeExact(copy.asSlice(at, length), (long) length, 0L));
            }
            assertThat(contents.hash(area, 2 * SIZE)).isEqualTo((long) xxh64.invokeExact(copy, (long) 2 * SIZE, 0L));
            assertThatThrownBy(() -> contents.hash(area + SIZE, SIZE + 1))
                    .isInstanceOfSatisfying(
                            UnmappedAddressException.class,
                            e -> assertThat(e.address()).isEqualTo(area + 2 * SIZE));
            assertThatThrownBy(() -> contents.hash(area, -1)).isInstanceOf(IllegalArgumentException.class);
            assertThat(contents.hash(0, 0)).isEqualTo(0xEF46DB3751D8E999L);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"process", "core"})
    void comparesAsMemcmp(String way) throws Exception {
        try (Target target = open(way)) {
            Contents contents = target.memory().contents();
            Random random = new Random(8);
            int different = 0;
            for (int round = 0; round < 400; round++) {
                int length = round < 100 ? round : random.nextInt(1 << random.nextInt(1, 23));
                int one = random.nextInt(SIZE - length + 1);
                int other = random.nextInt(5) == 0 ? random.nextInt(2 * SIZE - length + 1) : SIZE + one;
                program.say("%d %d %d".formatted(one, other, length));
                String[] told = program.line().split(" ");
                int sign = Integer.parseInt(told[0]);
                assertThat(Integer.signum(contents.compare(area + one, area + other, length)))
                        .isEqualTo(sign);
                assertThat(contents.equal(area + one, area + other, length)).isEqualTo(sign == 0);
                assertThat(contents.mismatch(area + one, area + other, length)).isEqualTo(Long.parseLong(told[1]));
                different += sign == 0 ? 0 : 1;
            }
            assertThat(different).isBetween(50, 350);

            // Up to the end of memory the answer is known; behind it only if it was found before.
            long end = area + 2 * SIZE;
            assertThat(contents.equal(end - 100_000, end - 100_000, 100_000)).isTrue();
            assertThatThrownBy(() -> contents.equal(end - 100_000, end - 100_000, 100_001))
                    .isInstanceOfSatisfying(
                            UnmappedAddressException.class,
                            e -> assertThat(e.address()).isEqualTo(end));
            assertThatThrownBy(() -> contents.equal(end, area, 1)).isInstanceOf(UnmappedAddressException.class);
            assertThatThrownBy(() -> contents.equal(area, end, 1)).isInstanceOf(UnmappedAddressException.class);
            assertThat(contents.mismatch(end - 100_000, area + SIZE, Long.MAX_VALUE))
                    .isNotNegative();
            assertThat(contents.equal(0, 8, 0)).isTrue();
            contents.close();
            contents.close();
            assertThatThrownBy(() -> contents.hash(area, 8)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> contents.equal(area, area, 0)).isInstanceOf(IllegalStateException.class);
        }
    }
}
