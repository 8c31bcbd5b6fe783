// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Grandchild;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The command watch: what it tells of a program that grows at each step that it is told to take. */
final class WatchIT {
    private static final int STEPS = 14;
    private static final int EACH = 100;
    private static final ObjectMapper JSON = new ObjectMapper();

    /** At each step it keeps a hundred blocks more of one size; of another it has some now and then. */
    private static final String SOURCE = """
            #include <stdlib.h>
            #include <string.h>
            #include <sys/ptrace.h>
            #include <unistd.h>
            int main(int argc, char **argv)
            {
                static char *noise[50];
                char c;
                if (argc > 1) ptrace(PTRACE_TRACEME, 0, 0, 0);
                for (int i = 0; i < 2000; i++) memset(malloc(500), 1, 500);
                write(1, "ready\\n", 6);
                for (int step = 0; read(0, &c, 1) == 1; step++) {
                    for (int i = 0; i < 100; i++) memset(malloc(3000), 2, 3000);
                    for (int i = 0; i < 50; i++) {
                        free(noise[i]);
                        noise[i] = 0;
                        if (step % 2 == 0) memset(noise[i] = malloc(700), 3, 700);
                    }
                    write(1, "done\\n", 5);
                }
                return 0;
            }
            """;

    private static Grandchild start(String... arguments) throws IOException {
        List<String> line =
                new ArrayList<>(List.of(CProgram.compile("grows", SOURCE).toString()));
        line.addAll(List.of(arguments));
        Grandchild program = Grandchild.start(new ProcessBuilder(line));
        assertThat(program.inputReader().readLine()).isEqualTo("ready");
        return program;
    }

    private static void step(Grandchild program) throws IOException {
        program.getOutputStream().write('s');
        program.getOutputStream().flush();
        assertThat(program.inputReader().readLine()).isEqualTo("done");
    }

    private static Process watch(Grandchild program, String... options) throws IOException {
        // Who starts the tests in the background may have them ignore SIGINT, and a JVM heeds that.
        List<String> line = new ArrayList<>(List.of(
                "env",
                "--default-signal=INT",
                Run.checkout().resolve("bin/heapwalk").toString(),
                "watch",
                Long.toString(program.pid())));
        line.addAll(List.of(options));
        return new ProcessBuilder(line).start();
    }

    private static String said(Process watch) throws IOException {
        return new String(watch.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    }

    private static JsonNode ofSize(JsonNode look, long size) {
        return Stream.iterate(0, i -> i < look.get("sizes").size(), i -> i + 1)
                .map(look.get("sizes")::get)
                .filter(row -> row.get("size").longValue() == size)
                .findFirst()
                .orElseThrow(() -> new AssertionError("no blocks of %d bytes in %s".formatted(size, look)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"observe", "stop"})
    void tellsWhatGrowsAndEndsWithTheTarget(String mode) throws Exception {
        Grandchild program = start();
        Process watch = watch(program, "--every", "50ms", "--format", "jsonl", "--mode", mode);
        try {
            BufferedReader looks = watch.inputReader();
            JsonNode look = JSON.readTree(looks.readLine());
            assertThat(look.get("categories")).isEmpty();
            assertThat(look.get("resident_bytes").longValue()).isPositive();
            for (int i = 0; i < STEPS; i++) {
                step(program);
                look = JSON.readTree(looks.readLine());
            }
            // One that began when all was done.
            int last = look.get("look").intValue();
            while (look.get("look").intValue() < last + 2) {
                look = JSON.readTree(looks.readLine());
            }
            JsonNode grows = ofSize(look, 3008);
            assertThat(grows.get("count").longValue()).isEqualTo(STEPS * EACH);
            assertThat(grows.get("bytes").longValue()).isEqualTo(3008L * STEPS * EACH);
            assertThat(grows.get("since_start").longValue()).isEqualTo(3008L * STEPS * EACH);
            assertThat(look.get("used_since_start").longValue()).isGreaterThanOrEqualTo(3008L * STEPS * EACH);
            assertThat(grows.get("per_minute").longValue()).isPositive();
            program.destroyForcibly();
            while (looks.readLine() != null) {
                // What is left.
            }
            assertThat(said(watch)).contains("process " + program.pid() + " (grows) has ended", "looks in", "RSS: ");
            assertThat(watch.waitFor()).isZero();
        } finally {
            watch.destroyForcibly();
            program.destroyForcibly();
        }
    }

    @Test
    void endsWithASummaryWhenItIsInterrupted() throws Exception {
        Grandchild program = start();
        Process watch = watch(program, "--every", "20ms", "--top", "4", "--human");
        try {
            BufferedReader lines = watch.inputReader();
            String line = lines.readLine();
            assertThat(line).startsWith("process " + program.pid() + " (grows): look 1 after");
            for (int steps = 0; steps < 40; line = lines.readLine()) {
                if (line.startsWith("process ")) {
                    step(program);
                    steps++;
                }
            }
            assertThat(new ProcessBuilder("kill", "-INT", Long.toString(watch.pid()))
                            .start()
                            .waitFor())
                    .isZero();
            List<String> rest = new ArrayList<>();
            while ((line = lines.readLine()) != null) {
                rest.add(line);
            }
            assertThat(rest).anySatisfy(told -> assertThat(told).contains("looks in ", "RSS: ", " since the start; "));
            assertThat(rest).contains("What grows:");
            assertThat(rest.subList(rest.indexOf("What grows:"), rest.size()))
                    .anySatisfy(told -> assertThat(told).startsWith("  uncategorized 3008 bytes: +"))
                    .noneSatisfy(told -> assertThat(told).contains("704 bytes"))
                    .noneSatisfy(told -> assertThat(told).contains("512 bytes"));
        } finally {
            watch.destroyForcibly();
            program.destroyForcibly();
        }
    }

    /** A traced process can't be stopped by anybody else. */
    @Test
    void stopsNothingUnlessItIsAsked() throws Exception {
        Grandchild program = start("traced");
        try {
            String pid = Long.toString(program.pid());
            assertThat(Run.heapwalk("watch", pid, "--looks", "2", "--every", "10ms")
                            .exited(0)
                            .text())
                    .contains(
                            "look 1 after",
                            "look 2 after",
                            "2 looks in ",
                            "It takes 4 looks to tell growth from noise.");
            Run.heapwalk("watch", pid, "--looks", "2", "--every", "10ms", "--mode", "stop")
                    .exited(4)
                    .said("traced");
        } finally {
            program.destroyForcibly();
        }
    }

    @Test
    void refusesWhatIsNoTimeAndWhatNeverChanges() {
        Run.heapwalk("watch", "demo", "--every", "soon").exited(2).said("--every must be a time such as 500ms");
        Run.heapwalk("watch", "demo", "--every", "0s").exited(2).said("--every must be at least 1ms");
        Run.heapwalk("watch", "demo", "--format", "csv").exited(2).said("--format must be table or jsonl");
        Run.heapwalk("watch", Path.of("/bin/true").toString()).exited(2).said("never changes");
    }
}
