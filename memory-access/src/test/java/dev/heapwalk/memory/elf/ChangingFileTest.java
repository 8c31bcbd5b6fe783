// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files with symbols are cut short and written again all the time while they are read: that costs their symbols. */
class ChangingFileTest {
    private static final int LOOKS = 400;
    private static final String SOURCE = """
            #include <stdio.h>
            #include <unistd.h>
            static volatile long local_variable = 4711;
            static volatile char much[1 << 16] = {1};
            int main(void) {
                printf("%lx\\n", (long) &local_variable + 0 * much[0]);
                fflush(stdout);
                for (;;) pause();
            }
            """;

    @TempDir
    private Path folder;

    /** Cuts a file short and writes it again, in a thread of its own. */
    private static final class Rewriter implements AutoCloseable {
        private final Thread thread = new Thread(this::run, "rewriter");
        private final Path file;
        private final byte[] content;
        private volatile boolean ended;
        private volatile IOException failure;

        private Rewriter(Path file) throws IOException {
            this.file = file;
            this.content = Files.readAllBytes(file);
            thread.start();
        }

        private void run() {
            try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
                for (int round = 0; !ended; round++) {
                    out.setLength(content.length * (round % 4) / 4);
                    out.seek(0);
                    out.write(content);
                    Thread.onSpinWait();
                }
            } catch (IOException e) {
                failure = e;
            }
        }

        @Override
        public void close() throws IOException {
            ended = true;
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            if (failure != null) {
                throw failure;
            }
        }
    }

    private void look(Path program, Path changing) throws IOException {
        Process process = new ProcessBuilder(program.toString()).start();
        try (BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream()))) {
            OptionalLong variable = OptionalLong.of(Long.parseLong(out.readLine(), 16));
            // The process goes on with what it has mapped; what lies there now is a copy.
            Path copy = Files.copy(changing, folder.resolve("copy"), StandardCopyOption.COPY_ATTRIBUTES);
            Files.move(copy, changing, StandardCopyOption.REPLACE_EXISTING);
            try (Rewriter _ = new Rewriter(changing)) {
                for (int i = 0; i < LOOKS; i++) {
                    look(process.pid(), variable, false);
                }
            }
            look(process.pid(), variable, true);
        } finally {
            process.destroyForcibly();
        }
    }

    private static void look(long pid, OptionalLong variable, boolean quiet) {
        try (Target target = Target.observe(pid)) {
            ElfModule program = target.modules().stream()
                    .filter(ElfModule::program)
                    .findFirst()
                    .orElseThrow();
            OptionalLong found = program.symbol("local_variable");
            if (quiet || found.isPresent()) {
                assertThat(found).isEqualTo(variable);
            }
            if (found.isPresent()) {
                assertThat(program.symbolAt(variable.getAsLong()).orElseThrow().name())
                        .isEqualTo("local_variable");
                assertThat(program.symbols().filter(symbol -> symbol.name().equals("local_variable")))
                        .hasSize(1);
            }
        }
    }

    @Test
    void theProgramsOwnFileChanges() throws IOException {
        Path program = Files.copy(
                CProgram.compile("changing", SOURCE), folder.resolve("changing"), StandardCopyOption.COPY_ATTRIBUTES);
        look(program, program);
    }

    @Test
    void itsDebugFileChanges() throws IOException, InterruptedException {
        Path program = Files.copy(
                CProgram.compile("changing", SOURCE), folder.resolve("changing"), StandardCopyOption.COPY_ATTRIBUTES);
        Path debug = folder.resolve("changing.debug");
        command("objcopy", "--only-keep-debug", program.toString(), debug.toString());
        command("objcopy", "--strip-all", "--add-gnu-debuglink=" + debug, program.toString());
        look(program, debug);
    }

    private static void command(String... line) throws IOException, InterruptedException {
        assertThat(new ProcessBuilder(line).inheritIO().start().waitFor()).isZero();
    }
}
