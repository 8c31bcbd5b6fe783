// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Looks at Rubies that collect their garbage nearly all the time. */
final class RubyCollectorIT {
    /** Marks, then sweeps step by step, then makes and drops some objects. */
    private static final String COLLECT = "eval $made = Array.new(20_000) { |i| [i.to_s, i] }; Thread.new { loop { "
            + "GC.start(immediate_sweep: false); 500.times { |i| $made[i * 7] = [i.to_s, i] } } } && 1";

    /**
     * Makes some objects each moment in free slots all over the heap, of which there are enough to need no collection
     * and no page, and has objects that live on refer to them.
     */
    private static final String MAKE =
            "eval $kept = []; 200_000.times { |i| o = [i.to_s]; $kept << o if i % 50 == 0 }; "
                    + "$made = Array.new(20_000) { |i| [i.to_s, i] }; 4.times { GC.start }; GC.disable; Thread.new { loop { "
                    + "5.times { |i| $made[rand(20_000)] = [i.to_s, i] }; sleep 0.005 } } && 1";

    static List<Ruby> rubies() {
        return List.of(Ruby.all().getFirst(), Ruby.TRIXIE);
    }

    /** How many references lead to no object of the dump. */
    private static long dangling(Run dump) {
        Set<String> objects = new HashSet<>();
        List<JsonNode> rows = dump.rows();
        rows.forEach(row -> objects.add(row.path("address").asText()));
        long dangling = 0;
        for (JsonNode row : rows) {
            for (JsonNode reference : row.path("references")) {
                dangling += objects.contains(reference.textValue()) ? 0 : 1;
            }
        }
        return dangling;
    }

    @ParameterizedTest
    @MethodSource("rubies")
    void stopsFallWhereTheCollectorRests(Ruby ruby) throws IOException {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            String pid = Long.toString(process.pid());
            long quiet = dangling(
                    Run.heapwalk("ruby", "dump", pid, "--format", "objectspace").exited(0));
            process.ask(COLLECT);
            for (int i = 0; i < 3; i++) {
                Run dump = Run.heapwalk("ruby", "dump", pid, "--format", "objectspace")
                        .exited(0);
                assertThat(dangling(dump)).isLessThanOrEqualTo(quiet);
                Run.heapwalk("ruby", "roots", pid).exited(0);
                Run.heapwalk("ruby", "count", pid, "Object").exited(0);
                Run.heapwalk("ruby", "threads", pid).exited(0);
                Run.heapwalk("ruby", "info", pid).exited(0);
                Run.heapwalk("summary", pid).exited(0);
            }
            assertThat(process.isAlive()).isTrue();
        }
    }

    @ParameterizedTest
    @MethodSource("rubies")
    void noTornAnswerEndsWell(Ruby ruby) throws IOException {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            String pid = Long.toString(process.pid());
            String[] dump = {"ruby", "dump", "--mode", "observe", "--format", "objectspace", pid};
            String[] count = {"ruby", "count", "--mode", "observe", pid};
            long quiet = dangling(Run.heapwalk(dump).exited(0));
            Run.heapwalk(count).exited(0);
            process.ask(COLLECT);
            for (int i = 0; i < 3; i++) {
                Run torn = Run.heapwalk(dump);
                isWholeOrTold(torn, quiet);
                Run counted = Run.heapwalk(count);
                assertThat(counted.status() == 0 || counted.err().contains("torn"))
                        .isTrue();
            }
        }
    }

    /** An answer that ends well has no more references that lead nowhere than one of a process at rest. */
    private static void isWholeOrTold(Run dump, long quiet) {
        if (dump.status() == 0) {
            assertThat(dangling(dump)).isLessThanOrEqualTo(quiet);
        } else {
            dump.exited(3);
            assertThat(dump.err())
                    .containsPattern(
                            "\\(looks: [0-9]\\), so the answer may be torn: [0-9]+\\.[0-9]{2} % of the objects");
        }
    }

    @ParameterizedTest
    @MethodSource("rubies")
    void objectsThatAreMadeWithoutACollectionAreTold(Ruby ruby) throws IOException {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            String[] dump = {
                "ruby", "dump", "--mode", "observe", "--format", "objectspace", Long.toString(process.pid())
            };
            long quiet = dangling(Run.heapwalk(dump).exited(0));
            process.ask(MAKE);
            for (int i = 0; i < 3; i++) {
                isWholeOrTold(Run.heapwalk(dump), quiet);
            }
        }
    }
}
