// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.memory.NoSuchProcessException;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.ruby.gc.References;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What can't be read is refused with a message that says what was seen, and what only looks odd is read. */
class RefusalTest {
    private static final int STARTS = 10;
    private static final int KILLS = 10;
    /** It gives itself another name when it has started. */
    private static final String SLEEPING_RUBY =
            "RbConfig.ruby, '--disable=gems', '-e', 'Process.setproctitle(%q(started)); sleep 60'";

    /** What names the version or leads to the virtual machine. No other module links to one of them. */
    private static final Set<String> NAMES = Set.of(
            "ruby_version",
            "ruby_api_version",
            "ruby_platform",
            "ruby_description",
            "ruby_copyright",
            "ruby_engine",
            "ruby_patchlevel",
            "ruby_release_date",
            "ruby_current_vm_ptr",
            "ruby_current_ec",
            "ruby_current_execution_context_ptr");

    /**
     * Both the symbol and the text that describes the interpreter say so; that its memory is another version's is not
     * looked at.
     */
    @ParameterizedTest
    @CsvSource({"1.9.3, old", "2.6.9, old", "2.6.10, old", "4.1.0, new", "5.0.0, new"})
    void refusesOtherVersions(String version, String age) throws Exception {
        try (LibrubyCopy library = new LibrubyCopy(Ruby.TRIXIE)) {
            library.setVersion(version);
            try (RubyProcess process = waiting(library);
                    Target target = Target.attach(process.pid())) {
                for (RubyVm.Symbols symbols : RubyVm.Symbols.values()) {
                    assertThatThrownBy(() -> RubyVm.locate(target, symbols))
                            .isInstanceOf(UnsupportedTargetException.class)
                            .hasMessageContaining(Long.toString(process.pid()))
                            .hasMessageEndingWith("runs Ruby " + version + ", which is too " + age
                                    + ": supported are 2.7, 3.0, 3.1, 3.2, 3.3, 3.4 and 4.0");
                }
            }
        }
    }

    /** A process of 3.3 that names a version with other structures. */
    @ParameterizedTest
    @ValueSource(strings = {"3.1.2", "3.4.5", "4.0.0"})
    void refusesUnknownLayouts(String version) throws Exception {
        try (LibrubyCopy library = new LibrubyCopy(Ruby.TRIXIE)) {
            library.setVersion(version);
            try (RubyProcess process = waiting(library);
                    Target target = Target.attach(process.pid())) {
                for (RubyVm.Symbols symbols : RubyVm.Symbols.values()) {
                    assertThatThrownBy(() -> RubyVm.locate(target, symbols))
                            .isInstanceOf(UnsupportedTargetException.class)
                            .hasMessageContaining("runs Ruby " + version + ", but its virtual machine was not found")
                            .hasMessageEndingWith("or its structures are not those of that version");
                }
            }
        }
    }

    /** Its standard library would notice another version. */
    private static RubyProcess waiting(LibrubyCopy library) throws IOException {
        return RubyProcess.of(Ruby.TRIXIE, "values")
                .env("LD_LIBRARY_PATH", library.folder())
                .option("--disable=gems")
                .option("-e")
                .option("$stdout.puts 'READY'; $stdout.flush; $stdin.read")
                .start();
    }

    @ParameterizedTest
    @ValueSource(strings = {"librubygc.mmtk.so", "librubygc.default.so"})
    void refusesCollectorsOfOthers(String name) throws Exception {
        Path root = Ruby.TRIXIE.root();
        Path folder = Files.createTempDirectory(root.resolve("tmp"), "heapwalk-collector");
        Path collector = folder.resolve(name);
        String seen = "/" + root.relativize(collector);
        try (RubyProcess parent = RubyProcess.of(Ruby.TRIXIE, "values").start()) {
            // A library that has nothing in it any more.
            Files.copy(root.resolve("usr/lib/x86_64-linux-gnu/libutil.so.1"), collector);
            long child = spawn(parent, "{'LD_PRELOAD' => '" + seen + "'}, " + SLEEPING_RUBY);
            try {
                awaitMapped(child, name);
                if (name.contains("default")) {
                    awaitStart(child);
                    readOrRefuse(child, RubyVm.Symbols.USE, true);
                } else {
                    try (Target target = Target.attach(child)) {
                        assertThatThrownBy(() -> RubyVm.locate(target))
                                .isInstanceOf(UnsupportedTargetException.class)
                                .hasMessageContaining("runs Ruby 3.3.")
                                .hasMessageContaining("with the garbage collector of " + seen)
                                .hasMessageEndingWith("only the default collector is supported");
                    }
                }
            } finally {
                kill(child);
            }
        } finally {
            Files.deleteIfExists(collector);
            Files.delete(folder);
        }
    }

    /** The symbols are not only left unused, they are not there. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#debian")
    void readsARubyWithoutSymbols(Ruby ruby) throws Exception {
        try (LibrubyCopy library = new LibrubyCopy(ruby)) {
            library.forget(NAMES);
            try (RubyProcess process = RubyProcess.of(ruby, "every_type")
                    .env("LD_LIBRARY_PATH", library.folder())
                    .start()) {
                Map<String, Long> counts;
                try (Target target = Target.attach(process.pid())) {
                    RubyVm vm = RubyVm.locate(target);
                    assertThat(vm.evidence())
                            .noneMatch(evidence -> evidence.basis().contains("the symbol"));
                    assertThat(vm.evidence().getFirst().basis())
                            .contains("the text of ruby_description", library.folder());
                    assertThat(vm.platform()).isEqualTo("x86_64-linux-gnu");
                    // Since 3.3 it is not exported.
                    if (library.address("ruby_current_vm_ptr").isPresent()) {
                        long pointer = begin(process.pid(), library.name())
                                + library.address("ruby_current_vm_ptr").getAsLong();
                        assertThat(vm.address()).isEqualTo(target.memory().readLong(pointer));
                    } else {
                        assertThat(ruby.isAtLeast(3, 3)).isTrue();
                    }
                    assertThat(vm.symbolIds()).isNotZero();
                    assertThat(vm.globals()).isNotZero();
                    assertThat(vm.shapeList() != 0).isEqualTo(ruby.isAtLeast(3, 2));
                    counts = TypeCounts.of(vm);
                }
                assertThat(process.ask("version").getFirst()).startsWith(ruby.version() + ".");
                TypeCounts.assertSaidBy(process, counts);
            }
        }
    }

    /** Where a module begins, as the kernel tells. */
    private static long begin(long pid, String module) throws IOException {
        return Files.readAllLines(Path.of("/proc/" + pid + "/maps")).stream()
                .filter(line -> line.endsWith("/" + module) && line.contains(" 00000000 "))
                .mapToLong(line -> Long.parseLong(line, 0, line.indexOf('-'), 16))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void saysWhatIsNoRuby() throws Exception {
        try (LedgerProcess process = LedgerProcess.of(Release.HOST, "basic").start();
                Target target = Target.attach(process.pid())) {
            String program = Files.readSymbolicLink(Path.of("/proc/" + process.pid() + "/exe"))
                    .toString();
            assertThatThrownBy(() -> RubyVm.locate(target))
                    .isInstanceOf(UnsupportedTargetException.class)
                    .hasMessageEndingWith(
                            "is no Ruby process: no module of it names a version of CRuby (its program is " + program
                                    + ")");
        }
    }

    /** A process has the library loaded and never starts the interpreter in it. */
    @Test
    void saysWhereNoVirtualMachineIs() throws Exception {
        try (RubyProcess parent = RubyProcess.of(Ruby.TRIXIE, "values").start()) {
            String library = "/usr/lib/x86_64-linux-gnu/libruby-3.3.so.3.3";
            long child = spawn(parent, "{'LD_PRELOAD' => '" + library + "'}, '/bin/sleep', '60'");
            try {
                awaitMapped(child, "/sleep");
                try (Target target = Target.attach(child)) {
                    for (RubyVm.Symbols symbols : RubyVm.Symbols.values()) {
                        assertThatThrownBy(() -> RubyVm.locate(target, symbols))
                                .isInstanceOf(UnsupportedTargetException.class)
                                .hasMessageContaining("runs Ruby 3.3.")
                                .hasMessageContaining("its virtual machine was not found")
                                .hasMessageContaining("it may still be starting, or ending");
                    }
                }
            } finally {
                kill(child);
            }
        }
    }

    /** From the first moment on, until it has started. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#debian")
    void readsOrRefusesWhatIsStarting(Ruby ruby) throws Exception {
        int attempts = 0;
        try (RubyProcess parent = RubyProcess.of(ruby, "values").start()) {
            for (int start = 0; start < STARTS; start++) {
                long child = spawn(parent, SLEEPING_RUBY);
                try {
                    RubyVm.Symbols symbols = RubyVm.Symbols.values()[start % 2];
                    boolean started = false;
                    for (long end = deadline(); !started; attempts++) {
                        started = isStarted(child);
                        readOrRefuse(child, symbols, started);
                        assertThat(System.nanoTime()).as("it started").isLessThan(end);
                    }
                } finally {
                    kill(child);
                }
            }
        }
        assertThat(attempts).isGreaterThan(STARTS);
    }

    /** What has started has to be read. */
    private static void readOrRefuse(long pid, RubyVm.Symbols symbols, boolean started) {
        try (Target target = Target.attach(pid)) {
            long seen = walk(RubyVm.locate(target, symbols));
            assertThat(seen).isGreaterThan(started ? 5_000 : -1);
        } catch (UnsupportedTargetException e) {
            assertThat(started).as(e.getMessage()).isFalse();
            assertThat(e.getMessage()).containsAnyOf("is no Ruby process", "its virtual machine was not found");
        }
    }

    private static boolean isStarted(long pid) throws IOException {
        return Files.readString(Path.of("/proc/" + pid + "/cmdline")).startsWith("started");
    }

    private static void awaitStart(long pid) throws IOException, InterruptedException {
        for (long end = deadline(); !isStarted(pid); Thread.sleep(2)) {
            assertThat(System.nanoTime()).as("it started").isLessThan(end);
        }
    }

    private static long deadline() {
        return System.nanoTime() + ThisMachine.PATIENCE.toNanos();
    }

    /** Whether it stands still or runs when it is killed. */
    @ParameterizedTest
    @EnumSource(
            value = Target.Mode.class,
            names = {"STOPPED", "OBSERVED"})
    void saysThatItEnded(Target.Mode mode) throws Exception {
        try (RubyProcess parent = RubyProcess.of(Ruby.TRIXIE, "values").start()) {
            for (int i = 0; i < KILLS; i++) {
                long child = spawn(parent, SLEEPING_RUBY);
                try {
                    awaitStart(child);
                    try (Target target = mode == Target.Mode.STOPPED ? Target.attach(child) : Target.observe(child)) {
                        walk(RubyVm.locate(target));
                        Executor later = CompletableFuture.delayedExecutor(i * 700L, TimeUnit.MICROSECONDS);
                        CompletableFuture<Void> killed = CompletableFuture.runAsync(() -> kill(child), later);
                        assertThatThrownBy(() -> walkForEver(target))
                                .isInstanceOf(NoSuchProcessException.class)
                                .hasMessageContaining(Long.toString(child));
                        killed.join();
                    }
                } finally {
                    kill(child);
                }
            }
        }
    }

    private static void walkForEver(Target target) {
        long end = deadline();
        while (System.nanoTime() < end) {
            walk(RubyVm.locate(target));
        }
    }

    /** Goes through all slots, their classes and what they refer to. */
    private static long walk(RubyVm vm) {
        ObjectReader reader = vm.reader();
        References references = new References(reader);
        SlotCursor slot = vm.slots(reader);
        long[] seen = new long[1];
        while (slot.next()) {
            if (slot.state() == SlotState.LIVE) {
                seen[0]++;
                try {
                    reader.classNames().bytesOf(slot.klass());
                    references.of(reader.at(slot.address()), (reference, kind, label) -> seen[0]++);
                } catch (UnmappedAddressException e) {
                    // One that is just being made.
                }
            }
        }
        return seen[0];
    }

    /** A child of a Ruby process, as soon as it is the program. */
    private static long spawn(RubyProcess parent, String command) throws IOException {
        return Long.parseLong(parent.ask("eval spawn(" + command + ", in: '/dev/null', [:out, :err] => '/dev/null')")
                .getFirst());
    }

    /** Waits until a child's libraries are loaded: the library of Ruby is, the file is, and the heap has begun. */
    private static void awaitMapped(long pid, String file) throws IOException {
        long end = deadline();
        String maps = "";
        while (!maps.contains(file) || !maps.contains("/libruby-") || !maps.contains("[heap]")) {
            assertThat(System.nanoTime()).as("%s is not loaded: %s", file, maps).isLessThan(end);
            maps = Files.readString(Path.of("/proc/" + pid + "/maps"));
        }
    }

    /** Its id stays its own: the parent does not wait for it. */
    private static void kill(long pid) {
        ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
    }
}
