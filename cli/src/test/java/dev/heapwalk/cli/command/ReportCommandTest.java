// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a command finds out of a process before it stops it. */
class ReportCommandTest {
    private static final class OfAllHeaps extends HeapCommand {
        private final boolean explains;

        private OfAllHeaps(boolean explains) {
            this.explains = explains;
        }

        @Override
        Scope scope() {
            return Scope.ALL;
        }

        @Override
        boolean explains() {
            return explains;
        }

        @Override
        Report read(Heaps heaps, Problems problems, Progress progress) {
            return joined(List.of());
        }
    }

    /** Also where the heaps are to be found anew in the stop, so that it is told how. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aRuntimeIsToBeAtRestWhenItIsStopped(boolean explains) throws Exception {
        try (RubyProcess process = RubyProcess.of(Ruby.TRIXIE, "little").start();
                Target target = Target.observe(process.pid())) {
            HeapCommand command = new OfAllHeaps(explains);
            LookAhead ahead = command.lookAhead().orElseThrow();
            ahead.at(target);
            assertThat(ahead.rest()).isNotSameAs(Rest.ALWAYS);
            assertThat(command.lookAhead().orElseThrow().rest()).isSameAs(ahead.rest());
        }
    }
}
