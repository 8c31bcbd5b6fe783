// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ReachabilityTest {
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
                    assertThat(reachability.contains(slot.address())).as("free slot 0x%x", slot.address()).isFalse();
                }
            }
            assertThat(reachability.count()).isEqualTo(live - lost.size());
            // What answering the last command and reading the next left: the line, its words, their array, numbers as text.
            assertThat(lost).hasSizeLessThan(60).allMatch(one -> one.endsWith("T_STRING") || one.endsWith("T_ARRAY")
                    || one.endsWith("T_MATCH") || one.endsWith("T_IMEMO") || one.endsWith("T_HASH"));
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void reachesNoGarbage(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            process.ask("gc_disable");
            List<Long> garbage = addresses(process, "eval Array.new(500) { Target.address([Object.new]) }.join(' ')");
            List<Long> kept = addresses(process, "eval ($kept = Array.new(500) { [Object.new] }).map { |a| Target.address(a) }.join(' ')");
            try (Target target = Target.attach(process.pid())) {
                Reachability reachability = Reachability.of(RubyVm.locate(target).reader());
                assertThat(kept).hasSize(500).allMatch(reachability::contains);
                // A few may still be on the stack.
                assertThat(garbage.stream().filter(reachability::contains).count()).isLessThan(20);
                assertThat(garbage).hasSize(500);
            }
        }
    }

    private static List<Long> addresses(RubyProcess process, String command) throws Exception {
        return Arrays.stream(process.ask(command).getFirst().split(" ")).map(Long::decode).toList();
    }
}
