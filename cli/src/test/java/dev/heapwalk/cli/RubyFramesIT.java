// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Looks at the frames of threads that call and return all the while, and are not stopped. */
final class RubyFramesIT {
    /** Each of four methods calls the next, the last calls the first, and none calls anything else. */
    private static final String CALL = "eval "
            + "def turn_0(n) n == 0 ? 1 : turn_1(n - 1) + 1 end; def turn_1(n) n == 0 ? 1 : turn_2(n - 1) + 1 end; "
            + "def turn_2(n) n == 0 ? 1 : turn_3(n - 1) + 1 end; def turn_3(n) n == 0 ? 1 : turn_0(n - 1) + 1 end; "
            + "20.times { Thread.new { loop { "
            + "turn_0(rand(300)); turn_1(rand(300)); turn_2(rand(300)); turn_3(rand(300)) } } }; 1";

    private static final int LOOKS = 12;

    static List<Ruby> rubies() {
        return List.of(Ruby.all().getFirst(), Ruby.TRIXIE);
    }

    /** What of a backtrace, the innermost frame first, the program can't have called. */
    private static List<String> impossible(List<String> labels) {
        List<String> found = new ArrayList<>();
        for (int i = 1; i < labels.size(); i++) {
            int outer = labels.get(i).indexOf("turn_");
            if (outer >= 0 && !labels.get(i).contains("block")) {
                int number = labels.get(i).charAt(labels.get(i).length() - 1) - '0';
                if (!labels.get(i - 1).endsWith("turn_" + (number + 1) % 4)) {
                    found.add(labels.get(i - 1) + " in " + labels.get(i));
                }
            }
        }
        return found;
    }

    @ParameterizedTest
    @MethodSource("rubies")
    void noFramesAreOfTwoMoments(Ruby ruby) throws IOException {
        try (RubyProcess process = RubyProcess.of(ruby, "little").start()) {
            String pid = Long.toString(process.pid());
            process.ask(CALL);
            int deep = 0;
            for (int i = 0; i < LOOKS; i++) {
                Run look = Run.heapwalk("ruby", "threads", "--mode", "observe", "--format", "jsonl", pid);
                if (look.status() != 0) {
                    look.exited(3);
                    assertThat(look.err()).contains("frames came or went while they were read");
                }
                for (JsonNode row : look.rows()) {
                    List<String> labels = new ArrayList<>();
                    row.path("backtrace")
                            .forEach(frame -> labels.add(frame.path("label").textValue()));
                    assertThat(impossible(labels)).as("%s", labels).isEmpty();
                    deep += labels.size() > 20 ? 1 : 0;
                }
            }
            assertThat(deep).isGreaterThan(LOOKS);
        }
    }
}
