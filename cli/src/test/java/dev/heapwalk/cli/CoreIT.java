// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Gdb;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import dev.heapwalk.testkit.Release;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A core says of a process what gdb's core of it says, and what the process itself does. */
final class CoreIT {
    private static final List<String> QUESTIONS = List.of(
            "info threads",
            "thread apply all bt",
            "thread apply all info registers",
            "thread apply all print tcache",
            "info sharedlibrary",
            "x/64gx &main_arena",
            "print mp_");

    /** gdb before 14 knows no layout of vector registers but that of Intel's processors. */
    private static final Pattern LAYOUT =
            Pattern.compile("\n?warning: Section `.reg-xstate/[0-9]+' in core file too small.\n?");

    /** gdb's numbers of threads and of answers. */
    private static final Pattern NUMBERS =
            Pattern.compile("(?<=Thread )[0-9]+ (?=\\()|^[* ] +[0-9]+ +(?=Thread)|^\\$[0-9]+ = ", Pattern.MULTILINE);

    /** Which it has in its own cores alone, by the same mistake. */
    private static final Pattern MASKS = Pattern.compile("^ *k[0-7] +.*\n?", Pattern.MULTILINE);

    private static final Pattern THREAD = Pattern.compile("^(?=Thread )", Pattern.MULTILINE);

    private static final Pattern NOTE =
            Pattern.compile("^ +(CORE|LINUX) +0x[0-9a-f]+\t(NT_[A-Z0-9_]+) ", Pattern.MULTILINE);

    private static final Pattern TIMES =
            Pattern.compile(" in ([0-9.]+) s; the process stood still for ([0-9.]+) s to fork a copy of itself");

    @TempDir
    private Path folder;

    private Path core(long pid, String name, String... options) {
        Path core = folder.resolve(name);
        List<String> line = new ArrayList<>(List.of("core", Long.toString(pid), "-o", core.toString()));
        line.addAll(List.of(options));
        Run.heapwalk(line.toArray(String[]::new)).exited(0);
        return core;
    }

    private static LedgerProcess start(Release release) throws IOException {
        // Else the kernel notes in each thread's memory on which processor it runs.
        return LedgerProcess.of(release, "threads")
                .debugSymbols(true)
                .env("GLIBC_TUNABLES", "glibc.pthread.rseq=0")
                .option("threads", 6)
                .start();
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void gdbReadsWhatItsOwnCoreSays(Release release) throws Exception {
        try (LedgerProcess process = start(release)) {
            Path ours = core(process.pid(), "core.ours");
            Path theirs = Cores.gcore(process, folder);
            assertThat(answers(release, ours)).isEqualTo(answers(release, theirs));
            assertThat(notes(ours)).isEqualTo(notes(theirs)).contains("CORE NT_PRSTATUS", "CORE NT_AUXV");
            assertThat(sameMemory(ours, theirs)).isGreaterThan(1 << 20);
            process.check();
        }
    }

    /** Registers and notes of all threads; memory below the stack pointers has what the calls for a fork left there. */
    @Test
    void gdbReadsOfACopyWhatItsOwnCoreSays() throws Exception {
        try (LedgerProcess process = start(Release.TRIXIE)) {
            assertThat(forked(process.pid(), "core.ours"))
                    .contains("to fork a copy of itself")
                    .doesNotContain("Exception");
            Path ours = folder.resolve("core.ours");
            Path theirs = Cores.gcore(process, folder);
            assertThat(answers(Release.TRIXIE, ours)).isEqualTo(answers(Release.TRIXIE, theirs));
            assertThat(notes(ours)).isEqualTo(notes(theirs)).contains("LINUX NT_X86_XSTATE", "CORE NT_AUXV");
            assertThat(children(process.pid())).isEmpty();
            process.check();
        }
    }

    private String forked(long pid, String name, String... options) {
        List<String> line = new ArrayList<>(List.of(
                "core",
                Long.toString(pid),
                "--mode",
                "fork",
                "-o",
                folder.resolve(name).toString()));
        line.addAll(List.of(options));
        return Run.heapwalk(line.toArray(String[]::new)).exited(0).err();
    }

    private static String children(long pid) throws IOException {
        return Files.readString(Path.of("/proc/%d/task/%d/children".formatted(pid, pid)));
    }

    /** It goes on while the core is written, which takes longer than the fork for which it stands still. */
    @Test
    void aProcessGoesOnWhileItsCoreIsWritten() throws Exception {
        try (LedgerProcess process = LedgerProcess.of(Release.HOST, "large")
                .option("count", 512)
                .option("size", 1 << 20)
                .start()) {
            Matcher told = TIMES.matcher(forked(process.pid(), "core"));
            assertThat(told.find()).isTrue();
            double all = Double.parseDouble(told.group(1));
            double still = Double.parseDouble(told.group(2));
            assertThat(still).isLessThan(all / 2);
            assertThat(children(process.pid())).isEmpty();
            process.check();
        }
    }

    private static List<String> answers(Release release, Path core) throws IOException {
        List<String> answers = new ArrayList<>();
        for (String answer : Gdb.core(release, core).run(QUESTIONS)) {
            String told = answer;
            for (Pattern each : List.of(LAYOUT, NUMBERS, MASKS)) {
                told = each.matcher(told).replaceAll("");
            }
            // gdb numbers threads as they come, and comes to its own in another order.
            answers.add(
                    told.lines().anyMatch(line -> line.contains("(LWP "))
                            ? Arrays.stream(THREAD.split(told))
                                    .map(String::strip)
                                    .sorted()
                                    .collect(Collectors.joining("\n"))
                            : told);
        }
        return answers;
    }

    /** The notes of all threads, as readelf lists them, but for one that only gdb makes, for itself. */
    private static List<String> notes(Path core) throws IOException {
        String said = Run.of(new ProcessBuilder("readelf", "-n", core.toString()))
                .exited(0)
                .text();
        return NOTE.matcher(said)
                .results()
                .map(note -> note.group(1) + " " + note.group(2))
                .sorted()
                .toList();
    }

    /** Compares all that is in gdb's core and is wanted in any. Returns how much that was, in bytes. */
    private static long sameMemory(Path ours, Path theirs) {
        long same = 0;
        try (Target one = Target.core(ours);
                Target other = Target.core(theirs)) {
            for (Mapping mapping : other.memory().mappings()) {
                // Of what is only in a file, gdb writes all if it begins a library, and here a page is written.
                if (!mapping.readable() || mapping.start() < 0 || !mapping.writable()) {
                    continue;
                }
                byte[] wanted = new byte[(int) mapping.length()];
                byte[] found = new byte[wanted.length];
                long there = other.memory().read(mapping.start(), MemorySegment.ofArray(wanted));
                // Guard pages of stacks can't be read: they are left out here, and zeros there.
                for (int at = 0; at < found.length; at += 4096) {
                    one.memory()
                            .read(
                                    mapping.start() + at,
                                    MemorySegment.ofArray(found).asSlice(at, 4096));
                }
                int differs = Arrays.mismatch(found, wanted);
                assertThat(differs)
                        .as(
                                "0x%x of %s: %s and %s",
                                mapping.start() + differs, mapping, near(found, differs), near(wanted, differs))
                        .isEqualTo(-1);
                same += there;
            }
        }
        return same;
    }

    private static String near(byte[] bytes, int at) {
        return HexFormat.of().formatHex(bytes, Math.max(0, at & -16), Math.min(bytes.length, (at & -16) + 48));
    }

    private static void same(long pid, Path core, Path root, String... command) {
        List<String> live = new ArrayList<>(List.of(command));
        List<String> dead = new ArrayList<>(live);
        live.add(Long.toString(pid));
        dead.addAll(List.of("--sysroot", root.toString(), core.toString()));
        Run expected = Run.heapwalk(live.toArray(String[]::new)).exited(0);
        Run found = Run.heapwalk(dead.toArray(String[]::new)).exited(0);
        assertThat(found.lines()).as("%s", live).isEqualTo(expected.lines());
        assertThat(found.lines()).hasSizeGreaterThan(1);
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void heapIsThatOfTheProcess(Release release) throws Exception {
        Path root = release.root(false).orElseThrow();
        try (LedgerProcess process = LedgerProcess.of(release, "arenas").start()) {
            List<String> commands = List.of("sizes", "arenas", "bins", "free", "used");
            for (Path core : List.of(core(process.pid(), "core"), core(process.pid(), "core.heap", "--heap-only"))) {
                for (String command : commands) {
                    same(process.pid(), core, root, command, "--format", "csv");
                }
                same(process.pid(), core, root, "summary", "--format", "csv");
            }
            // Without registers, what threads keep is not known by its use.
            Path observed = core(process.pid(), "core.observed", "--mode", "observe");
            same(process.pid(), observed, root, "sizes", "--format", "csv");
            same(process.pid(), observed, root, "bins", "--format", "csv");
            same(process.pid(), core(process.pid(), "core.again"), root, "tcache", "--format", "csv");
            process.check();
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void rubyObjectsAreThoseOfTheProcess(Ruby ruby) throws Exception {
        Path root = ruby.root();
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            for (Path core : List.of(core(process.pid(), "core"), core(process.pid(), "core.heap", "--heap-only"))) {
                same(process.pid(), core, root, "ruby", "dump");
                same(process.pid(), core, root, "ruby", "threads");
            }
        }
    }

    static List<Python> pythons() {
        return Python.debian();
    }

    @ParameterizedTest
    @MethodSource("pythons")
    void pythonObjectsAreThoseOfTheProcess(Python python) throws Exception {
        Path root = python.root();
        try (PythonProcess process = PythonProcess.of(python).start()) {
            for (Path core : List.of(core(process.pid(), "core"), core(process.pid(), "core.heap", "--heap-only"))) {
                same(process.pid(), core, root, "python", "count", "--format", "csv");
                same(process.pid(), core, root, "python", "threads");
            }
        }
    }

    /** No page of its own comes in, and pages that were never touched are holes. */
    @Test
    void processDoesNotGrow() throws Exception {
        try (LedgerProcess process = LedgerProcess.of(Release.HOST, "large")
                .option("count", 200)
                .option("size", 1 << 20)
                .start()) {
            List<String> before = resident(process.pid());
            Path core = core(process.pid(), "core");
            assertThat(resident(process.pid())).isEqualTo(before);
            long blocks = ((Number) Files.getAttribute(core, "unix:size")).longValue();
            assertThat(blocks).isPositive();
            process.check();
        }
    }

    private static List<String> resident(long pid) throws IOException {
        return Files.readAllLines(Path.of("/proc", Long.toString(pid), "status")).stream()
                .filter(line ->
                        line.startsWith("RssAnon:") || line.startsWith("RssShmem:") || line.startsWith("VmSwap:"))
                .toList();
    }
}
