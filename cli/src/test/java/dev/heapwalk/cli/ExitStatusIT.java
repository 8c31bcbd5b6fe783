// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.CoreEditor;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import dev.heapwalk.testkit.ThisMachine;
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
    /** Those that tell what there is of a heap. */
    private static final List<String> HEAP_COMMANDS =
            List.of("summary", "sizes", "used", "free", "all", "arenas", "bins");

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "summary",
                "sizes",
                "used",
                "free",
                "all",
                "arenas",
                "arena",
                "bins",
                "tcache",
                "hexdump",
                "ruby",
                "python",
                "completion"
            })
    void everyCommandHasHelp(String command) {
        for (String option : List.of("--help", "-h")) {
            Run run = Run.heapwalk(command, option).exited(0);
            assertThat(run.text()).startsWith("Usage: heapwalk " + command);
            assertThat(run.err()).isEmpty();
        }
        assertThat(Run.heapwalk("--help").exited(0).text()).contains("\n  " + command + " ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"info", "count", "dump", "show", "threads", "roots"})
    void everyRubyCommandHasHelp(String command) {
        Run run = Run.heapwalk("ruby", command, "--help").exited(0);
        assertThat(run.text()).startsWith("Usage: heapwalk ruby " + command);
        assertThat(Run.heapwalk("ruby", "--help").exited(0).text()).contains("\n  " + command + " ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"info", "count", "dump", "threads", "show", "roots", "allocators"})
    void everyPythonCommandHasHelp(String command) {
        Run run = Run.heapwalk("python", command, "--help").exited(0);
        assertThat(run.text()).startsWith("Usage: heapwalk python " + command);
        assertThat(Run.heapwalk("python", "--help").exited(0).text()).contains("\n  " + command + " ");
    }

    @Test
    void versionIsTheJars() {
        assertThat(Run.launched("--version").exited(0).text()).matches("heapwalk [0-9]+\\.[0-9.]+\\S* on Java \\S+\n");
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
                "sizes --sysroot /us > /usr",
                "ru > ruby",
                "ruby in > info",
                "py > python",
                "python info --mod > --mode",
                "ruby count --mod > --mode",
                "ruby info --format t > table",
                "ruby count dem > demo",
                "ruby dump --format = > heap_dump objectspace",
                "ruby threads --format t > text",
                "ruby dump -o /etc/hostn > /etc/hostname"
            })
    void completionIsAScriptThatBashTakes(String words, String completed) throws IOException {
        Path script = Files.write(
                folder.resolve("completion"),
                Run.heapwalk("completion").exited(0).out());
        Run shell = Run.of(new ProcessBuilder(
                "bash",
                "-c",
                ". " + script + " && complete -p heapwalk"
                        + "; COMP_WORDS=(heapwalk " + words
                        + "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _complete_heapwalk"
                        + "; echo ${COMPREPLY[@]}"));
        assertThat(shell.exited(0).lines()).containsExactly("complete -F _complete_heapwalk heapwalk", completed);
        assertThat(shell.err()).isEmpty();
    }

    /** They name no files with more arguments, of which a message would print a line. */
    @Test
    void argumentsWithAnAtSignAreWordsLikeOthers() throws IOException {
        Path secret = Files.writeString(folder.resolve("secret"), "root:hash:1\n");
        String at = "@" + secret;
        for (List<String> words : List.of(
                List.of("summary", at),
                List.of(at),
                List.of("ruby", at),
                List.of("hexdump", at, "demo"),
                List.of("ruby", "dump", at),
                List.of("sizes", "--format", at, "demo"))) {
            Run run = Run.heapwalk(words.toArray(String[]::new)).exited(2).said("'" + at + "'");
            assertThat(run.out()).isEmpty();
            assertThat(run.err()).doesNotContain("hash");
        }
    }

    /** Most runs of these tests share a JVM. From a shell the same comes out of them. */
    @Test
    void theShellSeesTheSame() throws IOException {
        List<Integer> statuses = new ArrayList<>();
        try (KnownProcess known = KnownProcess.start();
                KnownProcess damaged = KnownProcess.start("damaged")) {
            for (List<String> words : List.of(
                    List.of("used", "--format=jsonl", known.pid()),
                    List.of("hexdump", "--mode=observe", known.address("string"), known.pid()),
                    List.of("ruby", "dump", known.pid(), "-o", folder.toString()),
                    List.of("ruby"),
                    List.of("sizes", damaged.pid()),
                    List.of("sizes", "0"))) {
                String[] line = words.toArray(String[]::new);
                Run shared = Run.heapwalk(line);
                Run launched = Run.launched(line);
                assertThat(launched.status()).as(words.toString()).isEqualTo(shared.status());
                assertThat(launched.text()).as(words.toString()).isEqualTo(shared.text());
                assertThat(launched.err()).as(words.toString()).isEqualTo(shared.err());
                statuses.add(launched.status());
            }
        }
        assertThat(statuses).containsExactly(0, 0, 1, 2, 3, 4);
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
        Run.heapwalk("sizes", "--mode", "frozen", "1").exited(2).said("auto, fork, stop, observe");
        Run.heapwalk("sizes", "no-such-file").exited(2).said("'no-such-file'", "process id");
        Run.heapwalk("sizes", "--sysroot", "/", "1").exited(2).said("--sysroot is for core files");
        Run.heapwalk("hexdump", "no-place", "1").exited(2).said("ADDRESS", "'no-place'");
        Run.heapwalk("hexdump", "0x10", "1", "--length", "0").exited(2).said("--length");
        Run.heapwalk("arena", "x", "1").exited(2).said("N", "'x'");
        Run.heapwalk("ruby").exited(2).said("which command?", "info", "count");
        Run.heapwalk("ruby", "frobnicate", "1").exited(2).said("there is no command 'frobnicate'");
        Run.heapwalk("ruby", "info").exited(2).said("TARGET");
        Run.heapwalk("python").exited(2).said("which command?", "info");
        Run.heapwalk("python", "frobnicate", "1").exited(2).said("there is no command 'frobnicate'");
        Run.heapwalk("ruby", "info", "1", "2").exited(2).said("one argument too many", "'2'");
        try (KnownProcess known = KnownProcess.start()) {
            Run.heapwalk("arena", "7", known.pid()).exited(2).said("there is no arena 7", "0 to 1");
            for (String command : List.of("used", "free", "all", "sizes", "summary", "bins", "arenas")) {
                assertThat(Run.heapwalk(command, "--arena", "7", known.pid())
                                .exited(2)
                                .said("there is no arena 7", "0 to 1")
                                .out())
                        .isEmpty();
            }
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
        for (int i = 0; i < 16; i++) {
            Process brief = new ProcessBuilder("sleep", String.format(Locale.ROOT, "%.3f", i * 0.005)).start();
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
        try (LedgerProcess many = LedgerProcess.of(Release.HOST, "many")
                .option("count", 1_000_000)
                .start()) {
            Process walk = slowly("summary", "--mode=" + mode, Long.toString(many.pid()));
            try {
                String said = untilProgress(walk);
                ProcessHandle.of(many.pid()).orElseThrow().destroyForcibly();
                said += new String(walk.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                assertThat(walk.waitFor()).as(said).isEqualTo(4);
                assertThat(said)
                        .endsWith("\r\033[Kheapwalk: process " + many.pid() + " (ledger) ended while it was read\r\n");
            } finally {
                walk.descendants().forEach(ProcessHandle::destroyForcibly);
                walk.destroyForcibly().waitFor();
            }
        }
    }

    /** Starts the command on a terminal, in interpreted code: that takes seconds, so that its progress is shown. */
    private static Process slowly(String... arguments) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(
                "script",
                "--quiet",
                "--return",
                "--flush",
                "--command",
                Run.checkout().resolve("bin/heapwalk") + " " + String.join(" ", arguments),
                "/dev/null");
        builder.environment().put("HEAPWALK_JAVA_OPTIONS", "-Xint");
        return builder.redirectErrorStream(true).start();
    }

    /** Waits until the walk is under way. Returns what was said to then. */
    private static String untilProgress(Process walk) throws IOException {
        StringBuilder said = new StringBuilder();
        Pattern progress = Pattern.compile("\rheapwalk: read ([0-9]+) of ([0-9]+) MiB ");
        Matcher shown = progress.matcher(said);
        for (int c = walk.getInputStream().read();
                c >= 0;
                c = walk.getInputStream().read()) {
            said.append((char) c);
            if (c == ' ' && shown.reset().find()) {
                break;
            }
        }
        assertThat(shown.reset().find())
                .as("progress was shown before the end: %s", said)
                .isTrue();
        assertThat(Integer.parseInt(shown.group(1))).isLessThan(Integer.parseInt(shown.group(2)) / 2);
        return said.toString();
    }

    @Test
    void zombieAndKernelThread() throws Exception {
        Path program = CProgram.compile("zombie", """
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
        assertThat(run.err())
                .contains("\\x1b]0;title\\x07\\u{202e}")
                .doesNotContain("\033")
                .doesNotContain("\u202e");
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
            List<Integer> statuses = new ArrayList<>();
            for (int i = 19; i >= 0; i--) {
                // The first cut is in the notes and leaves all of the heap, the last ones are in the headers.
                long cut = i == 19 ? length - 5_000 : i < 4 ? 16 + i * 500L : length * i / 20;
                try (RandomAccessFile file = new RandomAccessFile(core.toFile(), "rw")) {
                    file.setLength(cut);
                }
                Run run = Run.heapwalk("used", "--format=jsonl", core.toString());
                String where = "cut at %d of %d: %s".formatted(cut, length, run.err());
                assertThat(run.err()).as(where).startsWith("heapwalk: ").doesNotContain("internal error", "\tat ");
                assertThat(run.err())
                        .as(where)
                        .containsPattern("cut off at " + cut + "\\b|cut off .*\\b" + cut + " bytes");
                switch (run.status()) {
                    case 0 -> assertThat(run.rows()).as(where).isEqualTo(live.rows());
                    case 3 -> {
                        // Whatever is listed is true.
                        assertThat(live.rows()).as(where).containsAll(run.rows());
                        assertThat(run.err()).as(where).contains("heapwalk: problem");
                    }
                    case 4 -> {
                        assertThat(run.out()).as(where).isEmpty();
                        assertThat(run.err().lines().toList().getLast())
                                .as("the failure itself tells of the cut")
                                .contains("cut off");
                    }
                    default -> fail(where);
                }
                statuses.add(run.status());
            }
            // The C library's data lies behind all heaps: without it nothing may be told of them.
            assertThat(statuses)
                    .as("some cut leaves the heap, and some leaves nothing")
                    .contains(0, 4);
            // The less there is of a core, the less is told.
            assertThat(statuses).isSorted();
        }
    }

    /** A core on disk may be cut while it is read: a fault in mapped memory, which no JVM dies of. */
    @Test
    void coreThatIsCutWhileItIsRead() throws Exception {
        Path core;
        try (LedgerProcess many = LedgerProcess.of(Release.HOST, "many")
                .option("count", 1_000_000)
                .start()) {
            core = Cores.gcore(many, folder);
        }
        Process walk = slowly("summary", core.toString());
        try {
            String said = untilProgress(walk);
            try (RandomAccessFile file = new RandomAccessFile(core.toFile(), "rw")) {
                file.setLength(1 << 12);
            }
            said += new String(walk.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(walk.waitFor()).as(said).isEqualTo(4);
            assertThat(said)
                    .contains("\r\033[Kheapwalk: core file " + core, "became shorter while it was read")
                    .doesNotContain("internal error", "InternalError");
        } finally {
            walk.descendants().forEach(ProcessHandle::destroyForcibly);
            walk.destroyForcibly().waitFor();
        }
    }

    /** What is wrong with one arena says nothing of the others. */
    @Test
    void coreWithSizeWordsThatAreWrong() throws Exception {
        Path core;
        try (LedgerProcess threads = LedgerProcess.of(Release.HOST, "threads")
                .option("threads", 2)
                .option("rounds", 200)
                .start()) {
            core = Cores.gcore(threads, folder);
        }
        List<JsonNode> whole =
                Run.heapwalk("all", "--format=jsonl", core.toString()).exited(0).rows();
        List<JsonNode> ofArena = whole.stream().filter(row -> arena(row) == 1).toList();
        List<JsonNode> others = whole.stream().filter(row -> arena(row) != 1).toList();
        assertThat(ofArena).hasSizeGreaterThan(10);
        assertThat(others).hasSizeGreaterThan(10);
        try (CoreEditor editor = new CoreEditor(core)) {
            for (int place : new int[] {1, ofArena.size() / 2, ofArena.size() - 2}) {
                long address = Long.decode(ofArena.get(place).get("address").textValue());
                long word = editor.word(address - 8);
                for (long wrong : new long[] {0, 1L << 40 | 5, word | 8}) {
                    editor.set(address - 8, wrong);
                    String where = "size word 0x%x at 0x%x became 0x%x".formatted(word, address - 8, wrong);
                    Run run = Run.heapwalk("all", "--format=jsonl", core.toString())
                            .exited(3);
                    assertThat(run.err().lines())
                            .as(where)
                            .anyMatch(line -> line.matches("heapwalk: problem at 0x(%x|%x): .*\\w+.* \\(arena 1\\)"
                                    .formatted(address - 16, address - 8)));
                    assertThat(run.rows().stream()
                                    .filter(row -> arena(row) != 1)
                                    .toList())
                            .as(where)
                            .isEqualTo(others);
                    assertThat(Run.heapwalk("sizes", core.toString()).exited(3).err())
                            .as(where)
                            .isEqualTo(run.err());
                }
                editor.set(address - 8, word);
            }
        }
        assertThat(Run.heapwalk("all", "--format=jsonl", core.toString())
                        .exited(0)
                        .rows())
                .isEqualTo(whole);
    }

    private static int arena(JsonNode row) {
        return row.get("arena").intValue();
    }

    /** Whatever is damaged: they end with the same status, also those whose answer would not show it. */
    @Test
    void allCommandsAgreeOnWhatIsDamaged() throws Exception {
        try (KnownProcess known = KnownProcess.start()) {
            Path core = folder.resolve("core." + known.pid());
            Run.of(new ProcessBuilder("gcore", "-o", folder.resolve("core").toString(), known.pid()))
                    .exited(0);
            long used = Long.decode(known.blocks("used").get(60).address());
            long freed = Long.decode(known.blocks("freed").get(5).address());
            long cached = Long.decode(known.blocks("cached").get(3).address());
            long text = 0x4141414141414141L;
            try (CoreEditor editor = new CoreEditor(core)) {
                long usedWord = editor.word(used - 8);
                long freedWord = editor.word(freed - 8);
                long behindUsed = used - 16 + (usedWord & -8);
                long behindFreed = freed - 16 + (freedWord & -8);
                List<Harm> harms = List.of(
                        new Harm("size of a used chunk: too long", used - 8, usedWord + 16),
                        new Harm("size of a used chunk: too short", used - 8, usedWord - 16),
                        new Harm("size of a used chunk: text", used - 8, text),
                        new Harm("size of a used chunk: mmapped", used - 8, usedWord | 2),
                        new Harm("size of a used chunk: other arena", used - 8, usedWord ^ 4),
                        new Harm("a used chunk said to be free", behindUsed + 8, editor.word(behindUsed + 8) & ~1),
                        new Harm("size of a free chunk: too short", freed - 8, freedWord - 16),
                        new Harm("size of a free chunk: 0", freed - 8, 0),
                        new Harm("prev_size behind a free chunk", behindFreed, (freedWord & -8) + 16),
                        new Harm("a free chunk said to be used", behindFreed + 8, editor.word(behindFreed + 8) | 1),
                        new Harm("fd of a free chunk: text", freed, text),
                        new Harm("fd of a free chunk: a used one", freed, used - 16),
                        new Harm("fd of a free chunk: itself", freed, freed - 16),
                        new Harm("bk of a free chunk: text", freed + 8, text),
                        new Harm("bk of a free chunk: a used one", freed + 8, used - 16),
                        new Harm("bk of a free chunk: nothing", freed + 8, 0),
                        new Harm("link of a cached chunk", cached, text));
                for (Harm harm : harms) {
                    long word = editor.word(harm.address());
                    assertThat(word).as(harm.what()).isNotEqualTo(harm.value());
                    editor.set(harm.address(), harm.value());
                    for (String command : HEAP_COMMANDS) {
                        Run run = Run.heapwalk(command, core.toString());
                        assertThat(run.status())
                                .as("%s, %s: %s", harm.what(), command, run.err())
                                .isEqualTo(3);
                    }
                    editor.set(harm.address(), word);
                }
            }
            for (String command : HEAP_COMMANDS) {
                assertThat(Run.heapwalk(command, core.toString()).exited(0).err())
                        .isEmpty();
            }
        }
    }

    /** A word that is harmed. */
    private record Harm(String what, long address, long value) {}

    /**
     * That a chunk was mapped on its own and can't be found is told by all, also where the answer would not have it.
     */
    @Test
    void mmappedChunkThatIsNotFound() throws Exception {
        try (KnownProcess known = KnownProcess.start()) {
            Path core = folder.resolve("core." + known.pid());
            Run.of(new ProcessBuilder("gcore", "-o", folder.resolve("core").toString(), known.pid()))
                    .exited(0);
            List<String> without = List.of("free", "bins", "tcache", "arenas --arena 0");
            List<String> before = without.stream()
                    .map(command -> Run.heapwalk(words(command, core)).exited(0).text())
                    .toList();
            try (CoreEditor editor = new CoreEditor(core)) {
                editor.set(Long.decode(known.address("mapped")) - 8, 0);
            }
            List<String> all = new ArrayList<>(HEAP_COMMANDS);
            all.addAll(List.of("tcache", "arenas --arena mmapped", "arenas --arena 0"));
            for (String command : all) {
                Run.heapwalk(words(command, core))
                        .exited(3)
                        .said("problem: mmapped chunks: malloc counts 1 with ", "found 0 with 0 bytes");
            }
            for (int i = 0; i < without.size(); i++) {
                Run run = Run.heapwalk(words(without.get(i), core));
                assertThat(run.text()).as(without.get(i)).isEqualTo(before.get(i));
            }
            Run explained = Run.heapwalk("arenas", "--explain", "--arena=0", core.toString())
                    .exited(3);
            assertThat(explained.text()).contains("mmapped chunks: 0 chunks, 0 bytes: unconfirmed");
        }
    }

    private static String[] words(String command, Path core) {
        return (command + " " + core).split(" ");
    }

    @Test
    void processThatIsTraced() throws Exception {
        try (KnownProcess known = KnownProcess.start()) {
            Path said = folder.resolve("said");
            Path listed = folder.resolve("listed");
            String heapwalk = Run.checkout().resolve("bin/heapwalk").toString();
            Run.of(new ProcessBuilder(
                            "gdb",
                            "-q",
                            "-nx",
                            "-batch",
                            "-p",
                            known.pid(),
                            "-ex",
                            "shell %s sizes %s 2>%s; echo $? >>%s".formatted(heapwalk, known.pid(), said, said),
                            "-ex",
                            "shell %s sizes --mode=observe %s >%s".formatted(heapwalk, known.pid(), listed)))
                    .exited(0);
            assertThat(Files.readString(said))
                    .matches(
                            "heapwalk: process " + known.pid() + " .*traced by .*\\(gdb\\).* with --mode observe\n4\n");
            assertThat(Files.readString(listed)).as("so does that").contains("TOTAL");
        }
    }

    @Test
    void damagedHeap() throws IOException {
        try (KnownProcess known = KnownProcess.start("damaged")) {
            String broken = known.address("broken");
            String chunk = "0x" + Long.toHexString(Long.decode(broken) - 16);
            for (String command : List.of("sizes", "summary", "used", "all", "arenas")) {
                Run run = Run.heapwalk(command, known.pid()).exited(3);
                assertThat(run.err())
                        .startsWith("heapwalk: problem at 0x")
                        .containsAnyOf(broken, chunk, "0x" + Long.toHexString(Long.decode(broken) - 8));
                assertThat(run.lines().getLast()).startsWith("TOTAL");
            }
            // The other arena is listed as if nothing had happened.
            Run used = Run.heapwalk("used", "--format=jsonl", known.pid()).exited(3);
            List<String> addresses = used.rows().stream()
                    .map(row -> row.get("address").textValue())
                    .toList();
            assertThat(addresses)
                    .containsAll(known.blocks("thread").stream()
                            .map(KnownProcess.Block::address)
                            .toList());
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
            assertThat(run.lines()).hasSize(4);
            assertThat(run.lines().get(2)).isEqualTo("   0x10  -        can't read 0x10 to 0x110");
            assertThat(run.lines().getLast()).isEqualTo("TOTAL    0 bytes");
            // However much is asked for, the walk ends.
            Run.heapwalk("hexdump", "0x10", "--length", "0x10000000", known.pid())
                    .exited(3)
                    .said("0x10");
            Run top = Run.heapwalk("hexdump", "0xffffffffffffe000", "--length", "0x7fffffffffffffff", known.pid());
            top.exited(3).said("0xffffffffffffe000");
            assertThat(top.lines()).hasSize(4);
        }
    }

    /** Memory that goes on behind a hole is shown. */
    @Test
    void holeInTheMiddleOfAHexdump() throws Exception {
        try (KnownProcess known = KnownProcess.start()) {
            long pages = Long.decode(known.address("pages"));
            String from = "0x" + Long.toHexString(pages + 0x1000);
            String to = "0x" + Long.toHexString(pages + 0x2000);
            Path core = folder.resolve("core." + known.pid());
            Run.of(new ProcessBuilder("gcore", "-o", folder.resolve("core").toString(), known.pid()))
                    .exited(0);
            for (String target : List.of(known.pid(), core.toString())) {
                for (String mode : List.of("stop", "observe")) {
                    Run run = Run.heapwalk(
                                    "hexdump",
                                    known.address("pages"),
                                    "--length",
                                    "0x3000",
                                    "--mode",
                                    mode,
                                    "--format=jsonl",
                                    target)
                            .exited(3)
                            .said("problem at " + from + ": ", to);
                    List<JsonNode> rows = run.rows();
                    assertThat(rows).hasSize(256 + 1 + 256);
                    assertThat(rows.get(256).get("address").textValue()).isEqualTo(from);
                    assertThat(rows.get(256).get("bytes").isNull()).isTrue();
                    assertThat(rows.get(256).get("text").textValue()).contains(from + " to " + to);
                    assertThat(rows.get(257).get("address").textValue()).isEqualTo(to);
                    assertThat(rows.getLast().get("text").textValue()).isEqualTo("A".repeat(16));
                }
            }
            Run characters = Run.heapwalk("hexdump", "-c", known.address("pages"), "--length", "0x3000", known.pid());
            assertThat(characters.exited(3).lines())
                    .hasSize(2 + 64 + 1 + 64 + 1)
                    .anyMatch(line -> line.endsWith(from + " to " + to));
            assertThat(characters.lines().getLast()).startsWith("TOTAL").endsWith("8192 bytes");
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
                assertThat(Run.heapwalk(command, "--format=jsonl", pid)
                                .exited(0)
                                .out())
                        .isEmpty();
                assertThat(Run.heapwalk(command, "--format=csv", pid).exited(0).lines())
                        .hasSize(1);
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
                    "bash",
                    "-c",
                    "\"$0\" all \"$1\" >/dev/full",
                    Run.checkout().resolve("bin/heapwalk").toString(),
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
                // Rows are printed from the first one on, and the process runs on as soon as the last one is found.
                Path status = Path.of("/proc", Long.toString(many.pid()), "status");
                long until = System.nanoTime() + ThisMachine.PATIENCE.toNanos();
                while (!Files.readString(status).contains("TracerPid:\t0\n") && System.nanoTime() < until) {
                    Thread.sleep(5);
                }
                assertThat(Files.readString(status)).contains("TracerPid:\t0\n");
                assertThat(walk.isAlive()).isTrue();
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
                Run run = Run.heapwalk("hexdump", "--format", format, known.address("hostile"), known.pid())
                        .exited(0);
                assertThat(run.text()).contains("hostile").contains("1b 5d 30 3b");
                for (byte b : run.out()) {
                    assertThat((int) b)
                            .matches(value -> value >= 0x20 && value < 0x7f || value == '\n' || value == '\r');
                }
            }
            for (String command : List.of("summary", "arenas", "used")) {
                assertThat(Run.heapwalk(command, known.pid()).exited(0).text()).doesNotContain("\033", "\007");
            }
        }
    }
}
