// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.ThisMachine;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command shell: lines from a pipe and from a terminal, and a process that runs on or is held between them. */
final class ShellIT {
    private static final char CTRL_C = 3;
    private static final char CTRL_D = 4;

    private static final String MANY = """
            #include <stdlib.h>
            #include <unistd.h>

            int main(void) {
                for (int i = 0; i < 500000; i++) ((volatile char *)malloc(1 + i * 7919u % 500))[0] = 1;
                write(1, "READY\\n", 6);
                char c;
                return read(0, &c, 1);
            }
            """;

    @TempDir
    private Path folder;

    private Process start(String... line) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(line).redirectErrorStream(true);
        builder.environment().put("XDG_STATE_HOME", folder.toString());
        builder.environment().put("TERM", "xterm");
        return builder.start();
    }

    private static String command() {
        return Run.checkout().resolve("bin/heapwalk").toString();
    }

    private static void say(Process shell, String text) throws IOException {
        Writer writer = shell.outputWriter(StandardCharsets.UTF_8);
        writer.write(text);
        writer.flush();
    }

    /** Reads until a line has some text. */
    private static String line(BufferedReader from, String text) throws IOException {
        String line = from.readLine();
        while (line != null && !line.contains(text)) {
            line = from.readLine();
        }
        return line;
    }

    private static char state(String pid) throws IOException {
        String stat = Files.readString(Path.of("/proc", pid, "stat"));
        return stat.charAt(stat.lastIndexOf(')') + 2);
    }

    /** Waits until it is stopped by us, or not. */
    private static void awaitStopped(String pid, boolean stopped) throws Exception {
        long end = System.nanoTime() + ThisMachine.PATIENCE.toNanos();
        while ((state(pid) == 't') != stopped) {
            assertThat(System.nanoTime()).isLessThan(end);
            Thread.sleep(5);
        }
    }

    @Test
    void readsCommandsFromAPipe() throws Exception {
        try (KnownProcess known = KnownProcess.start()) {
            Process shell = start(command(), "shell", known.pid());
            BufferedReader said =
                    new BufferedReader(new InputStreamReader(shell.getInputStream(), StandardCharsets.UTF_8));
            say(shell, """
                    # each as gdb-heap has it
                    heap
                    heap sizes --format csv
                    heap select size = 5008 and mmapped = no
                    heap label one
                    heap nothing
                    select size >
                    heap diff
                    hexdump %s
                    arena 0 --top 1
                    """.formatted(known.address("used")));
            shell.outputWriter().close();
            String text = String.join("\n", said.lines().toList());
            // The worst of what became of its commands.
            assertThat(shell.waitFor()).isEqualTo(2);
            assertThat(text)
                    .contains("string data", "5008,100,500800", "100 chunks, 500,800 bytes")
                    .contains("there is no command 'heap nothing'", "the expression ends too early")
                    .contains("same ", "ee ee ee ee");
            assertThat(known.alive()).isTrue();
            assertThat(state(known.pid())).isEqualTo('S');
        }
    }

    @Test
    void holdsAProcessUntilItMayGoOn() throws Exception {
        try (KnownProcess known = KnownProcess.start()) {
            Process shell = start(command(), "shell", known.pid());
            BufferedReader said =
                    new BufferedReader(new InputStreamReader(shell.getInputStream(), StandardCharsets.UTF_8));
            say(shell, "stop\nsizes --format csv\nsummary --format csv\n");
            assertThat(line(said, "5008,100,")).isNotNull();
            assertThat(line(said, "string data")).isNotNull();
            awaitStopped(known.pid(), true);
            say(shell, "memory\ncontinue\n");
            awaitStopped(known.pid(), false);
            say(shell, "stop\n");
            awaitStopped(known.pid(), true);
            // However the shell ends, the process goes on.
            shell.destroyForcibly().waitFor();
            awaitStopped(known.pid(), false);
            assertThat(known.alive()).isTrue();

            Process other = start(command(), "shell", known.pid());
            say(other, "stop\n");
            awaitStopped(known.pid(), true);
            other.outputWriter().close();
            assertThat(other.waitFor()).isZero();
            awaitStopped(known.pid(), false);
        }
    }

    @Test
    void isTypedOnATerminal() throws Exception {
        Process many = new ProcessBuilder(CProgram.compile("many-more", MANY).toString()).start();
        try {
            assertThat(many.getInputStream().read()).isEqualTo('R');
            String pid = Long.toString(many.pid());
            Process shell = start(
                    "script",
                    "--quiet",
                    "--return",
                    "--command",
                    "stty cols 100 rows 40; exec " + command() + " shell " + pid,
                    "/dev/null");
            InputStream out = shell.getInputStream();
            until(out, "heapwalk> ");
            say(shell, "used\r");
            until(out, " USED ");
            say(shell, String.valueOf(CTRL_C));
            // That ends the command, which can't have ended before since nobody reads its rows; and not the shell.
            until(out, "interrupted");
            until(out, "heapwalk> ");
            say(shell, "sizes --top 1\r");
            until(out, " 500,00");
            until(out, "heapwalk> ");
            // Begun, and taken back.
            say(shell, "sizes" + CTRL_C);
            until(out, "heapwalk> ");
            // The beginning of a word, completed.
            say(shell, "heap cpy\t\r");
            until(out, "no Python process");
            until(out, "heapwalk> ");
            say(shell, "stop\r");
            until(out, "(stopped)> ");
            assertThat(state(pid)).isEqualTo('t');
            say(shell, String.valueOf(CTRL_D));
            // What it still says is to be read, or it would wait for that.
            out.readAllBytes();
            assertThat(shell.waitFor()).isZero();
            assertThat(state(pid)).isEqualTo('S');
            assertThat(Files.readAllLines(folder.resolve("heapwalk/shell.lines")))
                    .containsSubsequence("used", "sizes --top 1", "stop");
        } finally {
            many.destroyForcibly().waitFor();
        }
    }

    private static void until(InputStream out, String text) throws Exception {
        StringBuilder all = new StringBuilder();
        long end = System.nanoTime() + ThisMachine.PATIENCE.toNanos();
        while (all.indexOf(text) < 0) {
            if (out.available() == 0) {
                assertThat(System.nanoTime())
                        .as("'%s' is to come behind %s", text, all)
                        .isLessThan(end);
                Thread.sleep(2);
                continue;
            }
            all.append((char) out.read());
            if (all.length() > 1 << 14) {
                all.delete(0, 1 << 13);
            }
        }
    }

    @Test
    void goesOnWhereTheTargetEnds() throws Exception {
        KnownProcess known = KnownProcess.start();
        Process shell = start(command(), "shell", known.pid());
        BufferedReader said = new BufferedReader(new InputStreamReader(shell.getInputStream(), StandardCharsets.UTF_8));
        say(shell, "sizes --format csv\n");
        assertThat(line(said, "5008,")).isNotNull();
        known.close();
        say(shell, "sizes\nhelp sizes\n");
        shell.outputWriter().close();
        List<String> rest = said.lines().toList();
        assertThat(rest)
                .anyMatch(line -> line.contains("no process " + known.pid()) || line.contains("does not exist"));
        assertThat(rest).anyMatch(line -> line.startsWith("Usage: heapwalk sizes"));
        assertThat(shell.waitFor()).isEqualTo(4);
    }
}
