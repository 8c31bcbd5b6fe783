// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is told of the garbage collector, beside what the process itself counts. */
class CollectorTest {
    private static final int STOPS = 20;

    static List<Ruby> rubies() {
        return Ruby.all();
    }

    private static long count(RubyProcess process) throws IOException {
        return Long.parseLong(process.ask("eval GC.count").getFirst());
    }

    @ParameterizedTest
    @MethodSource("rubies")
    void collectionsAreCountedAndNoticed(Ruby ruby) throws IOException {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start();
                Target target = Target.observe(process.pid())) {
            long counted = count(process);
            RubyVm vm = RubyVm.locate(target);
            assertThat(vm.collections()).isEqualTo(counted);
            assertThat(vm.changed()).isFalse();
            Turnover turnover = Turnover.from(vm);
            assertThat(turnover.until(vm.refresh()).slots()).isZero();
            process.ask("eval ($made = Array.new(10_000) { Object.new }; GC.start; nil)");
            counted = count(process);
            assertThat(vm.changed()).isTrue();
            assertThat(vm.refresh().collections()).isEqualTo(counted).isGreaterThan(vm.collections());
            Turnover.Change change = turnover.until(vm.refresh());
            assertThat(change.slots()).isBetween(10_000L, change.objects());
            assertThat(change.made()).isBetween(1L, change.slots());
            assertThat(change.share()).isBetween(10_000.0 / change.objects(), 1.0);
        }
    }

    @ParameterizedTest
    @MethodSource("rubies")
    void objectsThatNeedNoCollectionAreCounted(Ruby ruby) throws IOException {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start();
                Target target = Target.observe(process.pid())) {
            process.ask("eval ($made = Array.new(20_000) { Object.new }; nil)");
            process.ask("eval ($made = nil; 4.times { GC.start }; GC.disable; nil)");
            RubyVm vm = RubyVm.locate(target);
            Turnover turnover = Turnover.from(vm);
            process.ask("eval ($made = Array.new(1_000) { Object.new }; nil)");
            assertThat(vm.refresh().collections()).isEqualTo(vm.collections());
            assertThat(turnover.until(vm.refresh()).made()).isBetween(1_000L, 2_000L);
            process.ask("eval (GC.enable; nil)");
        }
    }

    @ParameterizedTest
    @MethodSource("rubies")
    void isAtRestInAStopThatWaitsForIt(Ruby ruby) throws IOException {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start();
                Target target = Target.observe(process.pid())) {
            RubyVm vm = RubyVm.locate(target);
            process.ask("eval Thread.new { loop { GC.start(immediate_sweep: false); 500.times { 'x' * 50 } } } && 1");
            long begun = count(process);
            int running = 0;
            for (int i = 0; i < STOPS; i++) {
                try (var _ = target.stop()) {
                    running += vm.refresh().collection() == RubyVm.Collection.RUNNING ? 1 : 0;
                }
            }
            assertThat(running).as("stops into a collection").isPositive();
            for (int i = 0; i < STOPS; i++) {
                try (var _ = target.stop(vm.rest(), Duration.ofSeconds(30))) {
                    assertThat(vm.rest().busy(target.threads())).isEmpty();
                    assertThat(vm.refresh().collection()).isNotEqualTo(RubyVm.Collection.RUNNING);
                }
            }
            assertThat(count(process)).isGreaterThan(begun);
        }
    }
}
