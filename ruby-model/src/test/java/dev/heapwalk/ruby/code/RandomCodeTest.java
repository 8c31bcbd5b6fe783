// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.code;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Functions of random instructions beside what the processor makes of them: each width, operand, prefix and flag. */
class RandomCodeTest {
    private static final int FUNCTIONS = 20_000;
    private static final int PAGE = 4096;

    /** Maps the file with nothing readable behind it, and calls each function in it. */
    private static final String PROGRAM = """
            #define _GNU_SOURCE
            #include <fcntl.h>
            #include <stdint.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <sys/mman.h>
            #include <sys/stat.h>

            static uint64_t data[16];

            int main(int count, char **arguments) {
                int file = open(arguments[1], O_RDONLY);
                size_t block = atoi(arguments[2]);
                struct stat status;
                uint64_t seed = 88172645463325252;
                if (count != 3 || file < 0 || fstat(file, &status)) {
                    return 1;
                }
                for (int i = 0; i < 16; i++) {
                    seed ^= seed << 13;
                    seed ^= seed >> 7;
                    seed ^= seed << 17;
                    data[i] = i % 4 == 3 ? seed >> 40 : seed;
                }
                char *code = mmap(0, status.st_size + 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                if (mmap(code, status.st_size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, file, 0) != code) {
                    return 2;
                }
                printf("%zu\\n%zu\\n", (size_t) code, (size_t) data);
                for (char *next = code; next < code + status.st_size; next += block) {
                    printf("%lu\\n", ((size_t (*)(void *)) next)(data));
                }
                puts("READY");
                fflush(stdout);
                getchar();
                return 0;
            }
            """;

    @TempDir
    private Path folder;

    @Test
    void returnsWhatTheProcessorReturns() throws Exception {
        RandomCode random = new RandomCode(4);
        List<byte[]> functions = new ArrayList<>();
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        for (int number = 0; number < FUNCTIONS; number++) {
            byte[] function = random.function(1 + number % 12);
            functions.add(function);
            byte[] block = new byte[RandomCode.SIZE];
            if (number == FUNCTIONS - 1 || number % 5 == 0) {
                // It ends where its block does, the last one where memory does: jmp there.
                int start = block.length - function.length;
                block[0] = (byte) 0xe9;
                block[1] = (byte) (start - 5);
                block[2] = (byte) (start - 5 >> 8);
                System.arraycopy(function, 0, block, start, function.length);
            } else {
                System.arraycopy(function, 0, block, 0, function.length);
            }
            file.write(block);
        }
        assertThat(file.size() % PAGE).isZero();
        Path code = Files.write(folder.resolve("code"), file.toByteArray());
        String program = CProgram.compile("blocks", PROGRAM).toString();
        int known = 0;
        try (CodeProcess process =
                        CodeProcess.start(List.of(program, code.toString(), String.valueOf(RandomCode.SIZE)));
                Target target = process.target();
                Reader reader = target.memory().reader(1 << 20)) {
            SizeFunction function = new SizeFunction(Machine.X86_64, CodeProcess.memory(reader));
            List<String> lines = process.lines();
            long address = Long.parseLong(lines.get(0));
            long data = Long.parseLong(lines.get(1));
            assertThat(lines).hasSize(FUNCTIONS + 2);
            for (int number = 0; number < FUNCTIONS; number++) {
                long size = function.call(address + (long) number * RandomCode.SIZE, data);
                if (size != SizeFunction.UNKNOWN) {
                    known++;
                    assertThat(size)
                            .as("%d: %s", number, HexFormat.of().formatHex(functions.get(number)))
                            .isEqualTo(Long.parseLong(lines.get(number + 2)));
                }
            }
        }
        // Where a condition asks for a flag that is undefined, the result is too.
        assertThat(known).isGreaterThan(FUNCTIONS * 3 / 4);
    }
}
