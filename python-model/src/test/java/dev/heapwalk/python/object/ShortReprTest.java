// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.dump.Disclosure;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Objects in a few words, and what {@code repr} says of them. */
class ShortReprTest {

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void saysWhatReprSays(Python python) throws Exception {
        try (PythonProcess process =
                PythonProcess.of(python).script("frames.py").start()) {
            List<String> said = process.askStopped("reprs", () -> {});
            try (Target target = Target.attach(process.pid());
                    ObjectReader reader = PythonRuntime.locate(target).reader()) {
                ShortRepr values = new ShortRepr(reader);
                ShortRepr redacted = new ShortRepr(reader, Disclosure.WHOLE.redacting());
                List<String> expected = new ArrayList<>();
                List<String> found = new ArrayList<>();
                for (String line : said) {
                    String[] words = line.split(" ");
                    String repr = new String(HexFormat.of().parseHex(words[1]), StandardCharsets.UTF_8);
                    // Where a module is of no file, or where its file is, is not told.
                    expected.add(repr.replaceFirst("^<module '(\\S+)'.*>$", "<module '$1'>"));
                    found.add(values.of(Long.parseLong(words[0])));
                    assertThat(redacted.of(Long.parseLong(words[0]))).doesNotContain("word", "café");
                }
                assertThat(found).containsExactlyElementsOf(expected).hasSizeGreaterThan(50);
            }
        }
    }
}
