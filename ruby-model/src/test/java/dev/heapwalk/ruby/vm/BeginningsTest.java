// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.gc.Roots;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Where threads, fibers, code and processes begin: in C, on a line below zero, and by fork. */
class BeginningsTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void tellsBacktracesAsRubyDoes(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "beginnings").start()) {
            Map<String, List<String>> theirs = new LinkedHashMap<>();
            for (String line : process.ask("backtraces")) {
                String[] parts = line.split("\t");
                theirs.put(
                        parts[0],
                        Arrays.stream(parts)
                                .skip(1)
                                .map(hex -> new String(HexFormat.of().parseHex(hex), StandardCharsets.UTF_8))
                                .toList());
            }
            assertThat(theirs).hasSizeGreaterThan(ruby.isAtLeast(3, 0) ? 15 : 6);
            assertThat(theirs.toString()).contains("line-5.rb:-5:in", "line0.rb:in", "line-2147483647.rb:-2147483647:");
            try (Target target = Target.attach(process.pid())) {
                RubyVm vm = RubyVm.locate(target);
                Interpreter interpreter = new Interpreter(vm.reader());
                RubyThreads threads = new RubyThreads(interpreter);
                Map<String, List<String>> ours = new LinkedHashMap<>();
                for (RubyThread thread : threads.living()) {
                    ours.put(
                            "0x%x".formatted(thread.self()),
                            backtrace(interpreter.frames().over(thread.context()), ruby));
                }
                SlotCursor slot = vm.slots(vm.reader());
                while (slot.next()) {
                    long address = slot.address();
                    long data = interpreter.data(address, "fiber");
                    Optional<Fiber> fiber = data == 0 ? Optional.empty() : threads.fiber(data);
                    fiber.filter(one -> one.status() == Fiber.Status.SUSPENDED)
                            .ifPresent(one -> ours.put(
                                    "0x%x".formatted(address),
                                    backtrace(interpreter.frames().over(one.context()), ruby)));
                }
                assertThat(ours).containsAllEntriesOf(theirs);
            }
        }
    }

    private static List<String> backtrace(Frames frames, Ruby ruby) {
        String quote = ruby.isAtLeast(3, 4) ? "'" : "`";
        List<String> lines = new ArrayList<>();
        while (frames.nextShown()) {
            lines.add("%s%s:in %s%s'"
                    .formatted(
                            frames.shownPath().orElseThrow(),
                            frames.line() == 0 ? "" : ":" + frames.line(),
                            quote,
                            frames.label().orElseThrow()));
        }
        return lines;
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void tellsTheThreadsOfForkedProcesses(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "beginnings").start()) {
            check(ruby, process.pid(), 0);
            for (String line : process.ask("children")) {
                String[] parts = line.split(" ");
                check(ruby, Long.parseLong(parts[1]), Long.parseLong(parts[2]));
            }
        }
    }

    /** A thread has the id of the one that has its name, by the kernel, and {@code $$} is 1 there. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void tellsTheThreadsOfAnotherNamespace(Ruby ruby) throws Exception {
        try (RubyProcess process =
                RubyProcess.of(ruby, "beginnings").contained().start()) {
            process.ask("named");
            assertThat(process.ask("eval $$")).containsExactly("1");
            long pid = process.pid();
            Map<String, Integer> theirs = new LinkedHashMap<>();
            try (Stream<Path> listed = Files.list(Path.of("/proc/" + pid + "/task"))) {
                for (Path task : listed.toList()) {
                    theirs.put(
                            Files.readString(task.resolve("comm")).strip(),
                            Integer.parseInt(task.getFileName().toString()));
                }
            }
            theirs.keySet().removeIf(name -> !name.startsWith("named"));
            assertThat(theirs).hasSize(3);
            try (Target target = Target.attach(pid)) {
                checkContained(target, pid, theirs);
            }
            try (Target target = Target.observe(pid)) {
                checkContained(target, pid, theirs);
            }
        }
    }

    private static void checkContained(Target target, long pid, Map<String, Integer> theirs) {
        RubyVm vm = RubyVm.locate(target);
        Map<String, Integer> ours = new LinkedHashMap<>();
        for (RubyThread thread : new RubyThreads(new Interpreter(vm.reader())).living()) {
            assertThat(thread.tid()).as("%s", thread).isNotZero();
            thread.name().ifPresent(name -> ours.put(name, thread.tid()));
            assertThat(thread.tid() == pid).isEqualTo(thread.main());
        }
        assertThat(ours).containsAllEntriesOf(theirs);
        assertThat(new Roots(vm.reader()).globals())
                .filteredOn(global -> global.name().equals(Optional.of("$$")))
                .singleElement()
                .matches(global -> global.known() && global.value() >> 1 == 1);
    }

    private void check(Ruby ruby, long pid, long started) throws Exception {
        Set<Long> tasks;
        try (Stream<Path> listed = Files.list(Path.of("/proc/" + pid + "/task"))) {
            tasks = listed.map(task -> Long.parseLong(task.getFileName().toString()))
                    .collect(Collectors.toSet());
        }
        try (Target target = Target.attach(pid)) {
            check(target, pid, started, tasks);
        }
        try (Target target = Target.observe(pid)) {
            check(target, pid, started, tasks);
        }
        if (ruby.release().isPresent()) {
            Path core = Cores.gcore(ruby.release().get(), pid, folder);
            try (Target target = Target.core(core)) {
                check(target, pid, started, tasks);
            }
            Files.delete(core);
        }
    }

    private static void check(Target target, long pid, long started, Set<Long> tasks) {
        RubyVm vm = RubyVm.locate(target);
        List<RubyThread> living = new RubyThreads(new Interpreter(vm.reader())).living();
        assertThat(living.getFirst().main()).isTrue();
        assertThat(living.getFirst().tid()).isEqualTo((int) pid);
        List<Long> tids = living.stream().map(thread -> (long) thread.tid()).toList();
        assertThat(tids).doesNotHaveDuplicates();
        assertThat(tasks).containsAll(tids);
        if (started != 0) {
            assertThat(tids).containsExactly(pid, started);
        }
        assertThat(new Roots(vm.reader()).globals())
                .filteredOn(global -> global.name().equals(Optional.of("$$")))
                .singleElement()
                .matches(global -> global.known() && global.value() >> 1 == pid);
    }
}
