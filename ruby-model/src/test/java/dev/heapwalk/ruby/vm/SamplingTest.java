// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Frames of threads that go on allocating, by a sampler that never stops them and by one that stops them anywhere. */
class SamplingTest {
    private static final int THREADS = 4;
    private static final int SAMPLES = 2000;
    private static final int STOPS = 25;
    /** What the fibers begin with that a round makes. */
    private static final Set<String> FIBERS = Set.of("each", "Array#each", "block in round", "block in Churn#round");

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void samplesARunningProcess(Ruby ruby) throws Exception {
        try (RubyProcess process =
                RubyProcess.of(ruby, "churn").argument(THREADS).start()) {
            String before = process.ask("rounds").getFirst();
            try (Target target = Target.observe(process.pid())) {
                ObjectReader reader = RubyVm.locate(target).sampler();
                Interpreter interpreter = new Interpreter(reader);
                RubyThreads threads = new RubyThreads(interpreter);
                Frames frames = interpreter.frames();
                Set<String> labels = new HashSet<>();
                Set<String> paths = new HashSet<>();
                int complete = 0;
                int rooted = 0;
                int depth = 0;
                for (int i = 0; i < SAMPLES; i++) {
                    reader.forget();
                    List<RubyThread> living = threads.living();
                    complete += living.size() == THREADS + 1 ? 1 : 0;
                    for (RubyThread thread : living) {
                        frames.over(thread.context());
                        String last = null;
                        while (frames.nextShown()) {
                            last = frames.label().orElse(null);
                            frames.label().ifPresent(labels::add);
                            frames.path().ifPresent(paths::add);
                            depth += frames.line() > 0 ? 1 : 0;
                            try {
                                frames.locals();
                                frames.arguments();
                            } catch (UnmappedAddressException e) {
                                // Torn: the frame was left while it was read.
                                continue;
                            }
                        }
                        rooted += frames.note().isEmpty()
                                        && last != null
                                        && root(thread, ruby).equals(last)
                                ? 1
                                : 0;
                    }
                }
                // Frames come and go while they are read, but not often, and the outermost stay.
                assertThat(complete).isGreaterThan(SAMPLES * 99 / 100);
                assertThat(rooted).isGreaterThan(SAMPLES * (THREADS + 1) * 9 / 10);
                assertThat(depth).isGreaterThan(SAMPLES * (THREADS + 1) * 2);
                assertThat(labels).anyMatch(label -> label.endsWith("round"));
                assertThat(paths).anyMatch(path -> path.endsWith("churn.rb"));
            }
            assertThat(process.ask("rounds").getFirst()).isNotEqualTo(before);
            process.ask("check");
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void stopsAProcessAnywhere(Ruby ruby) throws Exception {
        try (RubyProcess process =
                RubyProcess.of(ruby, "churn").argument(THREADS).start()) {
            int unfinished = 0;
            for (int i = 0; i < STOPS; i++) {
                try (Target target = Target.attach(process.pid())) {
                    Interpreter interpreter =
                            new Interpreter(RubyVm.locate(target).reader());
                    RubyThreads threads = new RubyThreads(interpreter);
                    List<RubyThread> living = threads.living();
                    assertThat(threads.notes()).isEmpty();
                    assertThat(living).hasSize(THREADS + 1);
                    for (RubyThread thread : living) {
                        Frames frames = interpreter.frames().over(thread.context());
                        String last = null;
                        while (frames.nextShown()) {
                            assertThat(frames.label()).isPresent();
                            if (last == null && frames.path().isPresent() && frames.line() == 0) {
                                // Stopped while the interpreter filled the newest frame in.
                                unfinished++;
                            } else {
                                // A function in C that a fiber runs was called from no line.
                                assertThat(frames.line() > 0)
                                        .isEqualTo(frames.path().isPresent());
                            }
                            last = frames.label().orElseThrow();
                            frames.locals();
                            frames.arguments();
                        }
                        assertThat(frames.note()).isEmpty();
                        if (last == null || !FIBERS.contains(last)) {
                            assertThat(last).isEqualTo(root(thread, ruby));
                        }
                        assertThat(threads.nativeThread(thread)).isPresent();
                    }
                }
            }
            assertThat(unfinished).isLessThanOrEqualTo(STOPS / 10);
            process.ask("check");
        }
    }

    private static String root(RubyThread thread, Ruby ruby) {
        return thread.main() ? "<main>" : ruby.isAtLeast(3, 4) ? "block in Churn#initialize" : "block in initialize";
    }
}
