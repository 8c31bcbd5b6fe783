// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the command says and how it ends when something is wrong. */
final class ExitStatusIT {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "summary", "sizes", "used", "free", "all", "arenas", "arena", "bins", "tcache", "hexdump", "completion"
            })
    void everyCommandHasHelp(String command) {
        for (String option : List.of("--help", "-h")) {
            Run run = Run.heapwalk(command, option).exited(0);
            assertThat(run.text()).startsWith("Usage: heapwalk " + command);
            assertThat(run.err()).isEmpty();
        }
        assertThat(Run.heapwalk("--help").exited(0).text()).contains("\n  " + command + " ");
    }

    @Test
    void versionIsTheJars() {
        assertThat(Run.heapwalk("--version").exited(0).text()).matches("heapwalk [0-9]+\\.[0-9.]+\\S* on Java \\S+\n");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '>',
            value = {
                "ar > arenas arena",
                "--v > --version",
                "sizes --mo > --mode",
                "sizes --mode obs > observe",
                // So bash cuts --mode=obs.
                "sizes --mode = obs > observe",
                "sizes --format = > table jsonl csv",
                "used --format csv --ver > --verbose",
                "hexdump --len > --length",
                "arenas --ex > --explain",
                "arena 0 dem > demo",
                "sizes /etc/hostn > /etc/hostname",
                "sizes --sysroot /us > /usr"
            })
    void completionIsAScriptThatBashTakes(String words, String completed) throws IOException {
        Path script = Files.write(folder.resolve("completion"), Run.heapwalk("completion").exited(0).out());
        Run shell = Run.of(new ProcessBuilder("bash", "-c", ". " + script + " && complete -p heapwalk"
                + "; COMP_WORDS=(heapwalk " + words + "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _complete_heapwalk"
                + "; echo ${COMPREPLY[@]}"));
        assertThat(shell.exited(0).lines()).containsExactly("complete -F _complete_heapwalk heapwalk", completed);
        assertThat(shell.err()).isEmpty();
    }

    @Test
    void wrongUsage() throws IOException {
        Run.heapwalk().exited(2).said("which command?", "summary");
        Run.heapwalk("frobnicate", "1").exited(2).said("there is no command 'frobnicate'");
        Run.heapwalk("--frobnicate").exited(2).said("there is no option --frobnicate");
        Run.heapwalk("sizes").exited(2).said("TARGET");
        Run.heapwalk("sizes", "1", "2").exited(2).said("one argument too many", "'2'");
        Run.heapwalk("sizes", "--frobnicate", "1").exited(2).said("--frobnicate");
        Run.heapwalk("sizes", "--format", "xml", "1").exited(2).said("table, jsonl, csv");
        Run.heapwalk("sizes", "--mode", "fork", "1").exited(2).said("stop, observe");
        Run.heapwalk("sizes", "no-such-file").exited(2).said("'no-such-file'", "process id");
        Run.heapwalk("sizes", "--sysroot", "/", "1").exited(2).said("--sysroot is for core files");
        Run.heapwalk("hexdump", "main", "1").exited(2).said("ADDRESS", "'main'");
        Run.heapwalk("hexdump", "0x10", "1", "--length", "0").exited(2).said("--length");
        Run.heapwalk("arena", "x", "1").exited(2).said("N", "'x'");
        try (KnownProcess known = KnownProcess.start()) {
            Run.heapwalk("arena", "7", known.pid()).exited(2).said("there is no arena 7", "0 to 1");
        }
    }

    @Test
    void noSuchProcess() throws Exception {
        Process ended = new ProcessBuilder("true").start();
        ended.waitFor();
        String pid = Long.toString(ended.pid());
        Run.heapwalk("sizes", pid).exited(4).said(pid);
        Run.heapwalk("sizes", "--mode", "observe", pid).exited(4).said(pid);
        Run.heapwalk("sizes", "99999999999999999").exited(4).said("99999999999999999");
        Run.heapwalk("sizes", "0").exited(4).said("0");
    }

    /** Whenever a process ends, there is an answer or one clear line. */
    @Test
    void processThatEndsAtAnyTime() throws Exception {
        for (int i = 0; i < 6; i++) {
            Process brief = new ProcessBuilder("sleep", String.format(Locale.ROOT, "%.3f", 0.1 + i * 0.04)).start();
            Run run = Run.heapwalk("used", "--mode", i % 2 == 0 ? "stop" : "observe", Long.toString(brief.pid()));
            assertThat(run.status()).as(run.err()).isIn(0, 3, 4);
            if (run.status() == 4) {
                run.said(Long.toString(brief.pid()));
            }
            assertThat(run.err()).doesNotContain("\tat ", "internal");
            brief.waitFor();
        }
    }

    /** The progress that is shown on a terminal tells when the walk is under way. */
    @ParameterizedTest
    @ValueSource(strings = {"stop", "observe"})
    void processThatEndsInTheMiddleOfTheWalk(String mode) throws Exception {
        try (LedgerProcess many =
                LedgerProcess.of(Release.HOST, "many").option("count", 1_000_000).start()) {
            ProcessBuilder builder = new ProcessBuilder(
                    "script", "--quiet", "--return", "--flush", "--command",
                    Run.checkout().resolve("bin/heapwalk") + " summary --mode=" + mode + " " + many.pid(),
                    "/dev/null");
            // Interpreted code takes seconds for what compiled code does in less time than the progress waits.
            builder.environment().put("HEAPWALK_JAVA_OPTIONS", "-Xint");
            Process walk = builder.redirectErrorStream(true).start();
            try {
                StringBuilder said = new StringBuilder();
                Pattern progress = Pattern.compile("\rheapwalk: read ([0-9]+) of ([0-9]+) MiB ");
                Matcher shown = progress.matcher(said);
                for (int c = walk.getInputStream().read(); c >= 0; c = walk.getInputStream().read()) {
                    said.append((char) c);
                    if (c == ' ' && shown.reset().find()) {
                        break;
                    }
                }
                assertThat(shown.reset().find()).as("progress was shown before the end: %s", said).isTrue();
                assertThat(Integer.parseInt(shown.group(1))).isLessThan(Integer.parseInt(shown.group(2)) / 2);
                ProcessHandle.of(many.pid()).orElseThrow().destroyForcibly();
                said.append(new String(walk.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
                assertThat(walk.waitFor()).as(said.toString()).isEqualTo(4);
                assertThat(said.toString()).endsWith("\r\033[Kheapwalk: process " + many.pid()
                        + " (ledger) ended while it was read\r\n");
            } finally {
                walk.descendants().forEach(ProcessHandle::destroyForcibly);
                walk.destroyForcibly().waitFor();
            }
        }
    }

    @Test
    void zombieAndKernelThread() throws Exception {
        Path program = CProgram.compile(
                "zombie",
                """
                #include <stdio.h>
                #include <sys/prctl.h>
                #include <sys/wait.h>
                #include <unistd.h>
                int main(void) {
                    int pid = fork();
                    if (pid == 0) {
                        prctl(PR_SET_NAME, "\\033[31mX\\007\\n", 0, 0, 0);
                        _exit(0);
                    }
                    siginfo_t info;
                    waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
                    printf("%d\\n", pid);
                    fflush(stdout);
                    while (getchar() != EOF) {}
                    return 0;
                }
                """);
        Process parent = new ProcessBuilder(program.toString()).start();
        try {
            String pid = parent.inputReader().readLine();
            Run.heapwalk("sizes", pid).exited(4).said(pid, "zombie");
            Run.heapwalk("sizes", "--mode=observe", pid).exited(4).said(pid, "zombie");
            assertThat(Run.heapwalk("sizes", pid).err()).doesNotContain("\033").doesNotContain("\007");
        } finally {
            parent.destroyForcibly().waitFor();
        }
        String thread;
        try (Stream<Path> all = Files.list(Path.of("/proc"))) {
            thread = all.map(path -> path.getFileName().toString())
                    .filter(name -> name.matches("[0-9]+"))
                    .filter(ExitStatusIT::kernelThread)
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("no kernel thread is to be seen in this pid namespace"));
        }
        Run.heapwalk("sizes", thread).exited(4).said(thread, "kernel thread");
    }

    private static boolean kernelThread(String pid) {
        try {
            return Files.readString(Path.of("/proc", pid, "status"), StandardCharsets.ISO_8859_1)
                    .contains("Kthread:\t1");
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void targetOfAnotherUser() throws Exception {
        // The jars are put where any user can read them, as an installation would have them.
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
        List<String> jars = new ArrayList<>();
        for (Path jar : Jars.all()) {
            Path copy = Files.copy(jar, folder.resolve(jar.getFileName()));
            Files.setPosixFilePermissions(copy, PosixFilePermissions.fromString("rw-r--r--"));
            jars.add(copy.toString());
        }
        try (KnownProcess known = KnownProcess.start()) {
            boolean root = "root".equals(System.getProperty("user.name"));
            // Without being root we are that unprivileged user ourselves; process 1 is somebody else's in either case.
            for (String pid : root ? List.of(known.pid(), "1") : List.of("1")) {
                for (String mode : List.of("stop", "observe")) {
                    List<String> line = new ArrayList<>();
                    if (root) {
                        line.addAll(List.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"));
                    }
                    line.addAll(List.of(
                            Path.of(System.getProperty("java.home"), "bin/java").toString(),
                            "--enable-native-access=ALL-UNNAMED",
                            "-cp",
                            String.join(":", jars),
                            "dev.heapwalk.cli.Heapwalk",
                            "sizes",
                            "--mode",
                            mode,
                            pid));
                    Run run = Run.of(new ProcessBuilder(line)).exited(4).said("root");
                    assertThat(run.err()).containsPattern("process " + pid + "\\b");
                }
            }
            assertThat(known.alive()).isTrue();
        }
    }

    @Test
    void filesThatAreNoCore() throws IOException {
        Path empty = Files.createFile(folder.resolve("empty"));
        Run.heapwalk("sizes", empty.toString()).exited(4).said(empty.toString(), "empty");
        Path text = Files.writeString(folder.resolve("text"), "This is no core.\n".repeat(1000));
        Run.heapwalk("sizes", text.toString()).exited(4).said(text.toString(), "no ELF file");
        Run.heapwalk("sizes", folder.toString()).exited(4).said("folder");
        Run.heapwalk("sizes", "/bin/true").exited(4).said("/bin/true", "core");
        Path dangling = Files.createSymbolicLink(folder.resolve("dangling"), Path.of("nowhere"));
        Run.heapwalk("sizes", dangling.toString()).exited(4).said("dangling");
        Run.heapwalk("sizes", "/dev/null").exited(4).said("/dev/null");
        Path hostile = Files.createFile(folder.resolve("\033]0;title\007\u202e"));
        Run run = Run.heapwalk("sizes", hostile.toString()).exited(4);
        assertThat(run.err()).contains("\\x1b]0;title\\x07\\u{202e}").doesNotContain("\033").doesNotContain("\u202e");
    }

    @Test
    void coreWholeAndCutAtTwentyPlaces() throws Exception {
        try (KnownProcess known = KnownProcess.start()) {
            Path core = folder.resolve("cut." + known.pid());
            Run.of(new ProcessBuilder("gcore", "-o", folder.resolve("cut").toString(), known.pid()));
            Run live = Run.heapwalk("used", "--format=jsonl", known.pid()).exited(0);
            Run whole = Run.heapwalk("used", "--format=jsonl", core.toString()).exited(0);
            assertThat(whole.rows()).isEqualTo(live.rows());
            assertThat(whole.err()).isEmpty();
            long length = Files.size(core);
            boolean damaged = false;
            for (int i = 19; i >= 0; i--) {
                // The last cuts are in the headers and the notes.
                long cut = i < 4 ? 16 + i * 500L : length * i / 20;
                try (RandomAccessFile file = new RandomAccessFile(core.toFile(), "rw")) {
                    file.setLength(cut);
                }
                Run run = Run.heapwalk("used", "--format=jsonl", core.toString());
                assertThat(run.status()).as("cut at %d of %d: %s", cut, length, run.err()).isIn(0, 3, 4);
                assertThat(run.err()).startsWith("heapwalk: ").doesNotContain("internal error", "\tat ");
                damaged |= run.status() == 3;
                // Whatever is listed is true.
                assertThat(live.rows()).containsAll(run.rows());
            }
            assertThat(damaged).as("some cut leaves a part of the heap").isTrue();
        }
    }

    @Test
    void damagedHeap() throws IOException {
        try (KnownProcess known = KnownProcess.start("damaged")) {
            String broken = known.address("broken");
            String chunk = "0x" + Long.toHexString(Long.decode(broken) - 16);
            for (String command : List.of("sizes", "summary", "used", "all", "arenas")) {
                Run run = Run.heapwalk(command, known.pid()).exited(3);
                assertThat(run.err()).startsWith("heapwalk: problem at 0x").containsAnyOf(broken, chunk, "0x"
                        + Long.toHexString(Long.decode(broken) - 8));
                assertThat(run.lines().getLast()).startsWith("TOTAL");
            }
            // The other arena is listed as if nothing had happened.
            Run used = Run.heapwalk("used", "--format=jsonl", known.pid()).exited(3);
            List<String> addresses =
                    used.rows().stream().map(row -> row.get("address").textValue()).toList();
            assertThat(addresses)
                    .containsAll(known.blocks("thread").stream().map(KnownProcess.Block::address).toList());
            assertThat(known.alive()).isTrue();
        }
    }

    /** What a process changes while it is observed is not taken for damage without a word of that. */
    @Test
    void damageOfAnObservedProcessMayBeItsRunningOn() throws IOException {
        try (KnownProcess known = KnownProcess.start("damaged")) {
            Run run = Run.heapwalk("sizes", "--mode=observe", known.pid()).exited(3);
            assertThat(run.err().lines().toList().getLast()).startsWith("heapwalk: try --mode stop: ");
            assertThat(Run.heapwalk("sizes", known.pid()).exited(3).err()).doesNotContain("--mode");
        }
    }

    @Test
    void holeInAHexdump() throws IOException {
        try (KnownProcess known = KnownProcess.start()) {
            Run run = Run.heapwalk("hexdump", "0x10", known.pid()).exited(3).said("0x10");
            assertThat(run.lines().getLast()).isEqualTo("TOTAL    0 bytes");
        }
    }

    @Test
    void processThatNeverAllocated() throws IOException {
        try (LedgerProcess never = LedgerProcess.of(Release.HOST, "never").start()) {
            String pid = Long.toString(never.pid());
            for (String command : List.of("summary", "sizes", "used", "free", "all", "arenas", "bins", "tcache")) {
                Run table = Run.heapwalk(command, pid).exited(0);
                assertThat(table.lines()).as(command).hasSize(3);
                assertThat(table.lines().getLast()).startsWith("TOTAL").contains("0");
                assertThat(table.err()).isEmpty();
                assertThat(Run.heapwalk(command, "--format=jsonl", pid).exited(0).out()).isEmpty();
                assertThat(Run.heapwalk(command, "--format=csv", pid).exited(0).lines()).hasSize(1);
            }
        }
    }

    @Test
    void closedPipeEndsQuietly() throws Exception {
        try (LedgerProcess many =
                LedgerProcess.of(Release.HOST, "many").option("count", 50_000).start()) {
            for (String format : List.of("table", "jsonl", "csv")) {
                Run run = Run.of(new ProcessBuilder(
                        "bash",
                        "-c",
                        "set -o pipefail; \"$0\" all --format=\"$1\" \"$2\" | head -n 1",
                        Run.checkout().resolve("bin/heapwalk").toString(),
                        format,
                        Long.toString(many.pid())));
                run.exited(0);
                assertThat(run.err()).isEmpty();
                assertThat(run.lines()).hasSize(1);
            }
            many.check();
        }
    }

    @Test
    void fullDiskIsAFailure() throws Exception {
        try (KnownProcess known = KnownProcess.start()) {
            Run run = Run.of(new ProcessBuilder(
                    "bash", "-c", "\"$0\" all \"$1\" >/dev/full", Run.checkout().resolve("bin/heapwalk").toString(),
                    known.pid()));
            run.exited(1).said("can't write the output", "No space left");
        }
    }

    @Test
    void targetRunsOnWhileASlowReaderReads() throws Exception {
        try (LedgerProcess many =
                LedgerProcess.of(Release.HOST, "many").option("count", 200_000).start()) {
            Process walk = new ProcessBuilder(
                            Run.checkout().resolve("bin/heapwalk").toString(),
                            "all",
                            "--format=jsonl",
                            Long.toString(many.pid()))
                    .start();
            try {
                // The first byte is there; the pipe is full of more, and we read no further.
                assertThat(walk.getInputStream().read()).isEqualTo('{');
                assertThat(walk.isAlive()).isTrue();
                String status = Files.readString(Path.of("/proc", Long.toString(many.pid()), "status"));
                assertThat(status).contains("TracerPid:\t0\n");
                assertThat(many.check()).isPositive();
            } finally {
                walk.destroyForcibly();
                walk.waitFor(10, TimeUnit.SECONDS);
            }
        }
    }

    @Test
    void hostileTextNeverReachesTheTerminal() throws IOException {
        try (KnownProcess known = KnownProcess.start("well", "\033[31m\007")) {
            for (String format : List.of("table", "jsonl", "csv")) {
                Run run = Run.heapwalk("hexdump", "--format", format, known.address("hostile"), known.pid()).exited(0);
                assertThat(run.text()).contains("hostile").contains("1b 5d 30 3b");
                for (byte b : run.out()) {
                    assertThat((int) b).matches(value -> value >= 0x20 && value < 0x7f || value == '\n' || value == '\r');
                }
            }
            for (String command : List.of("summary", "arenas", "used")) {
                assertThat(Run.heapwalk(command, known.pid()).exited(0).text()).doesNotContain("\033", "\007");
            }
        }
    }
}
