// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.ruby.vm.Frames;
import dev.heapwalk.ruby.vm.Interpreter;
import dev.heapwalk.ruby.vm.RubyThread;
import dev.heapwalk.ruby.vm.RubyThreads;
import dev.heapwalk.testkit.CoreEditor;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.GivenCores;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Cores on a machine that has not the interpreter's files: neither its code nor its constants, such as its version, the
 * names of types and some labels, are anywhere.
 */
class CoresWithoutFilesTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern NAME = Pattern.compile("ruby-(([0-9]+)\\.([0-9]+)\\.[0-9]+)\\.core");

    /** The one path that is a constant. */
    private static final String LITERAL_PATH = "(eval)";

    @TempDir
    Path folder;

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#debian")
    void areRead(Ruby ruby) throws Exception {
        Path empty = Files.createDirectory(folder.resolve("empty"));
        Path bare = Files.createDirectory(folder.resolve("bare"));
        List<Path> cores = new ArrayList<>();
        Map<String, Long> counts;
        List<JsonNode> told = new ArrayList<>();
        String library;
        try (LibrubyCopy copy = new LibrubyCopy(ruby);
                RubyProcess process = RubyProcess.of(ruby, "frames")
                        .env("LD_LIBRARY_PATH", copy.folder())
                        .start()) {
            library = copy.name();
            told.addAll(threads(process));
            process.ask("eval GC.start");
            try (Target target = Target.attach(process.pid())) {
                counts = TypeCounts.of(RubyVm.locate(target));
            }
            Path filter = Path.of("/proc/" + process.pid() + "/coredump_filter");
            // What is anonymous, with the first part of each file; and without that.
            Files.writeString(filter, "0x33");
            cores.add(Cores.gcore(process, folder));
            Files.writeString(filter, "0x23");
            cores.add(Cores.gcore(process, bare));
            TypeCounts.assertSaidBy(process, counts);
        }
        for (Path core : cores) {
            check(core, empty, ruby, library, counts, told);
        }
        try (CoreEditor editor = new CoreEditor(cores.getFirst())) {
            editor.forgetUnwritten(true);
        }
        check(cores.getFirst(), empty, ruby, library, counts, told);
        try (CoreEditor editor = new CoreEditor(cores.getFirst())) {
            editor.forgetUnwritten(false);
        }
        check(cores.getFirst(), empty, ruby, library, counts, told);
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#debian")
    void areReadWhereTheKernelWroteThem(Ruby ruby) throws Exception {
        if (!ThisMachine.writesKernelCores()) {
            // As the other test does.
            Cores.gdbInPlaceOfTheKernel();
            return;
        }
        Path empty = Files.createDirectory(folder.resolve("empty"));
        Path core = folder.resolve("core");
        Map<String, Long> counts;
        List<JsonNode> told = new ArrayList<>();
        try (LibrubyCopy copy = new LibrubyCopy(ruby)) {
            try (RubyProcess process = RubyProcess.of(ruby, "frames")
                    .env("LD_LIBRARY_PATH", copy.folder())
                    .start()) {
                process.ask("eval Process.setrlimit(:CORE, Process.getrlimit(:CORE)[1]); Dir.chdir('" + copy.folder()
                        + "'); GC.start");
                told.addAll(threads(process));
                try (Target target = Target.attach(process.pid())) {
                    counts = TypeCounts.of(RubyVm.locate(target));
                }
                Files.writeString(Path.of("/proc/" + process.pid() + "/coredump_filter"), "0x33");
                // The one signal that Ruby leaves alone and the kernel writes a core for.
                new ProcessBuilder("kill", "-XCPU", Long.toString(process.pid()))
                        .start()
                        .waitFor();
                for (int i = 0; process.isAlive() && i < 600; i++) {
                    TimeUnit.MILLISECONDS.sleep(100);
                }
                assertThat(process.isAlive()).isFalse();
            }
            try (Stream<Path> files = Files.list(copy.place())) {
                Files.move(
                        files.filter(file -> file.getFileName().toString().startsWith("core"))
                                .findFirst()
                                .orElseThrow(),
                        core);
            }
        }
        check(core, empty, ruby, "libruby-" + ruby.version(), counts, told);
    }

    /** What the process tells of its threads but the one that tells it. */
    private static List<JsonNode> threads(RubyProcess process) throws IOException {
        List<JsonNode> told = new ArrayList<>();
        for (String line : Files.readAllLines(process.askForFile("frames"))) {
            JsonNode holder = JSON.readTree(line);
            if (holder.get("kind").asText().equals("thread")
                    && !holder.get("current").asBoolean()) {
                told.add(holder);
            }
        }
        assertThat(told).hasSizeGreaterThan(5);
        return told;
    }

    private static void check(
            Path core, Path root, Ruby ruby, String library, Map<String, Long> counts, List<JsonNode> told) {
        try (Target target = Target.core(core, root)) {
            assertThat(target.notices())
                    .anySatisfy(notice -> assertThat(notice).contains(library).contains("not in core file"));
            for (RubyVm.Symbols symbols : RubyVm.Symbols.values()) {
                RubyVm vm = RubyVm.locate(target, symbols);
                assertThat(vm.version()).isEqualTo(ruby.version());
                assertThat(vm.platform()).isEqualTo("x86_64-linux-gnu");
                assertThat(vm.symbolIds()).isNotZero();
                assertThat(vm.globals()).isNotZero();
                assertThat(vm.shapeList() != 0).isEqualTo(ruby.isAtLeast(3, 2));
                assertThat(TypeCounts.of(vm)).isEqualTo(counts);
                frames(vm, told);
            }
        }
    }

    /** Each frame that Ruby told has its path and line, and its label, unless these were constants. */
    private static void frames(RubyVm vm, List<JsonNode> told) {
        Interpreter interpreter = new Interpreter(vm.reader());
        RubyThreads threads = new RubyThreads(interpreter);
        List<RubyThread> living = threads.living();
        assertThat(threads.notes()).isEmpty();
        for (JsonNode holder : told) {
            String name = holder.get("name").asText();
            RubyThread thread = living.stream()
                    .filter(it -> it.self() == Long.decode(holder.get("address").asText()))
                    .findFirst()
                    .orElseThrow();
            assertThat(thread.name()).hasValue(name);
            List<String> ours = new ArrayList<>();
            List<String> theirs = new ArrayList<>();
            Frames frames = interpreter.frames().over(thread.context());
            for (JsonNode frame : holder.get("backtrace")) {
                boolean there = frames.nextShown();
                String label = there ? frames.label().orElse(frame.get("label").asText()) : "no frame";
                String known = frame.get("path").asText();
                String path = frames.path().orElse(known.equals(LITERAL_PATH) ? known : null);
                ours.add("%s:%d in %s".formatted(path, frames.line(), label));
                theirs.add("%s:%d in %s"
                        .formatted(
                                known.equals("null") ? null : known,
                                frame.get("lineno").asInt(),
                                frame.get("label").asText()));
            }
            assertThat(ours).as(name).isEqualTo(theirs);
            assertThat(frames.nextShown()).as(name).isFalse();
        }
    }

    /**
     * Cores of other people's machines: programs of rbspy's, which call {@code ccc}, {@code bbb} and {@code aaa}, each
     * from a line of its own.
     */
    @Test
    void ofOthersAreReadOrNamed() throws Exception {
        Path empty = Files.createDirectory(folder.resolve("empty"));
        for (Path core : GivenCores.named("ruby-", folder)) {
            Matcher name = NAME.matcher(core.getFileName().toString());
            assertThat(name.matches()).as(core.toString()).isTrue();
            String version = name.group(1);
            int number = Integer.parseInt(name.group(2)) * 100 + Integer.parseInt(name.group(3));
            try (Target target = Target.core(core, empty)) {
                if (number < 207) {
                    assertThatThrownBy(() -> RubyVm.locate(target))
                            .isInstanceOf(UnsupportedTargetException.class)
                            .hasMessageContaining("runs Ruby " + version + ", which is too old");
                    continue;
                }
                RubyVm vm = RubyVm.locate(target);
                assertThat(vm.version()).isEqualTo(version);
                assertThat(vm.platform()).isEqualTo("x86_64-linux");
                TypeCounts.of(vm);
                Interpreter interpreter = new Interpreter(vm.reader());
                RubyThreads threads = new RubyThreads(interpreter);
                RubyThread main = threads.living().stream()
                        .filter(RubyThread::main)
                        .findFirst()
                        .orElseThrow();
                Frames frames = interpreter.frames().over(main.context());
                assertThat(frames.note()).as(version).isEmpty();
                List<String> labels = new ArrayList<>();
                while (frames.nextShown()) {
                    labels.add(frames.label().orElse("?").replaceAll(".*[#.]", ""));
                    assertThat(frames.path().orElseThrow())
                            .endsWithIgnoringCase(labels.getLast().equals("loop") && number >= 303 ? "" : ".rb");
                    assertThat(frames.line()).isPositive();
                }
                assertThat(labels)
                        .as(version)
                        .containsSubsequence("aaa", "bbb", "ccc")
                        .endsWith("<main>");
            }
        }
    }
}
