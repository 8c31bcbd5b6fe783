// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.gc.Reachability;
import dev.heapwalk.ruby.gc.Roots;
import dev.heapwalk.testkit.CoreEditor;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import dev.heapwalk.testkit.ThisMachine;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ReachabilityTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void reachesWhatTheCollectorLeft(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            check(process);
        }
    }

    @Test
    void reachesWhatTheCollectorLeftOfTheStandardLibrary() throws Exception {
        try (RubyProcess process = RubyProcess.of(Ruby.TRIXIE, "stdlib").start()) {
            check(process);
        }
    }

    private static void check(RubyProcess process) throws Exception {
        process.ask("gc");
        try (Target target = Target.attach(process.pid())) {
            RubyVm vm = RubyVm.locate(target);
            ObjectReader reader = vm.reader();
            Reachability reachability = Reachability.of(reader);
            assertThat(reachability.damaged()).isZero();
            long live = 0;
            List<String> lost = new ArrayList<>();
            SlotCursor slot = vm.slots(reader);
            while (slot.next()) {
                if (slot.state() == SlotState.LIVE) {
                    live++;
                    if (!reachability.contains(slot.address())) {
                        lost.add("0x%x %s".formatted(slot.address(), slot.type().label()));
                    }
                } else {
                    assertThat(reachability.contains(slot.address()))
                            .as("free slot 0x%x", slot.address())
                            .isFalse();
                }
            }
            assertThat(reachability.count()).isEqualTo(live - lost.size());
            // What answering the last command and reading the next left: the line, its words, their array, numbers as
            // text.
            assertThat(lost)
                    .hasSizeLessThan(60)
                    .allMatch(one -> one.endsWith("T_STRING")
                            || one.endsWith("T_ARRAY")
                            || one.endsWith("T_MATCH")
                            || one.endsWith("T_IMEMO")
                            || one.endsWith("T_HASH"));
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void reachesNoGarbage(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            process.ask("gc_disable");
            List<Long> garbage = addresses(process, "eval Array.new(500) { Target.address([Object.new]) }.join(' ')");
            List<Long> kept = addresses(
                    process, "eval ($kept = Array.new(500) { [Object.new] }).map { |a| Target.address(a) }.join(' ')");
            try (Target target = Target.attach(process.pid())) {
                Reachability reachability =
                        Reachability.of(RubyVm.locate(target).reader());
                assertThat(kept).hasSize(500).allMatch(reachability::contains);
                // A few may still be on the stack.
                assertThat(garbage.stream().filter(reachability::contains).count())
                        .isLessThan(20);
                assertThat(garbage).hasSize(500);
            }
        }
    }

    /** Whatever memory holds, an end is reached, and no exception. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void endsOnDamage(Ruby ruby) throws Exception {
        Path core;
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            core = Cores.gcore(process, folder);
        }
        try (Target target = Target.core(core, ruby.root());
                CoreEditor editor = new CoreEditor(core)) {
            RubyVm vm = RubyVm.locate(target);
            Random random = new Random(7);
            long[] garbage = {
                0,
                1,
                -1,
                8,
                0x7fff_ffffL,
                Long.MAX_VALUE,
                Long.MIN_VALUE,
                vm.address(),
                vm.pages().start(0)
            };
            List<Long> places = places(vm, target);
            for (int round = 0; round < 6; round++) {
                Map<Long, Long> whole = new LinkedHashMap<>();
                for (int i = 0; i < 4_000; i++) {
                    long place = places.get(random.nextInt(places.size()));
                    long word = editor.word(place);
                    whole.putIfAbsent(place, word);
                    editor.set(
                            place,
                            switch (i % 3) {
                                case 0 -> garbage[random.nextInt(garbage.length)];
                                case 1 -> word ^ 1L << random.nextInt(64);
                                default -> editor.word(places.get(random.nextInt(places.size())));
                            });
                }
                assertTimeoutPreemptively(ThisMachine.PATIENCE, () -> {
                    ObjectReader reader = vm.reader();
                    Roots roots = new Roots(reader);
                    StringBuilder names = new StringBuilder();
                    roots.roots((address, category, label) -> label.appendTo(names));
                    Reachability reachability = Reachability.of(reader);
                    assertThat(reachability.count()).isBetween(1L, vm.pages().totalSlots());
                });
                whole.forEach(editor::set);
            }
            assertThat(Reachability.of(vm.reader()).damaged()).isZero();
        }
    }

    /** Words of slots and of the data of some, and of the virtual machine, the object space and their tables. */
    private static List<Long> places(RubyVm vm, Target target) {
        List<Long> places = new ArrayList<>();
        ObjectReader reader = vm.reader();
        SlotCursor slot = vm.slots(reader);
        while (slot.next()) {
            if (slot.state() != SlotState.LIVE) {
                continue;
            }
            boolean data = slot.type() == RubyType.DATA;
            if (data || slot.address() % 7 == 0) {
                for (int word = 0; word < 5; word++) {
                    places.add(slot.address() + 8 * word);
                    long pointer = slot.asValue().readLong(8 * word);
                    if (data || slot.type() == RubyType.IMEMO || slot.type() == RubyType.CLASS) {
                        add(target, pointer, 64, places);
                    }
                }
            }
        }
        add(target, vm.address(), 150, places);
        add(target, vm.objspace(), 300, places);
        add(target, vm.globals(), 3, places);
        return places;
    }

    private static void add(Target target, long pointer, int words, List<Long> places) {
        if ((pointer & 7) == 0 && target.memory().mappings().writable(pointer, 8L * words)) {
            for (int word = 0; word < words; word++) {
                places.add(pointer + 8L * word);
            }
        }
    }

    private static List<Long> addresses(RubyProcess process, String command) throws Exception {
        return Arrays.stream(process.ask(command).getFirst().split(" "))
                .map(Long::decode)
                .toList();
    }
}
