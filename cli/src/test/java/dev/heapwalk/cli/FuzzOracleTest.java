// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each kind of fault that {@link FuzzOracle} is there for is seen, and what is sound is not. */
class FuzzOracleTest {
    private static final List<String> ALL = List.of("all", "--format", "jsonl", "core");

    private static Optional<String> of(List<String> arguments, int status, String out, String err) throws IOException {
        return FuzzOracle.complaint(
                arguments, status, out.getBytes(StandardCharsets.UTF_8), err.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void soundAnswersPass() throws IOException {
        String rows = "{\"address\":\"0x10\",\"size\":32}\n{\"address\":\"0x30\",\"size\":16}\n";
        assertThat(of(ALL, 0, rows, "")).isEmpty();
        assertThat(of(ALL, 3, "", "heapwalk: problem at 0x10: it is damaged\n")).isEmpty();
        assertThat(of(ALL, 4, "", "heapwalk: no glibc malloc\n")).isEmpty();
        assertThat(of(List.of("bins", "--format", "csv", "core"), 0, "a,b\r\n1,2\r\n", ""))
                .isEmpty();
        assertThat(of(List.of("arena", "7", "core"), 2, "", "heapwalk: there is no arena 7\n"))
                .isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 1, 2, 5, 139})
    void otherStatuses(int status) throws IOException {
        assertThat(of(ALL, status, "", "heapwalk: it\n")).contains("exit status " + status);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "heapwalk: internal error: NullPointerException",
                "heapwalk: out of memory (Java heap space)",
                "heapwalk:     at dev.heapwalk.cli.Heapwalk.run(Heapwalk.java:1)",
                "WARNING: somebody else's",
                "heapwalk: \u001b[31mred",
                "heapwalk: \u202ereversed",
                "heapwalk: \u009b31m",
                "heapwalk: a\rb"
            })
    void linesThatMustNotBe(String line) throws IOException {
        assertThat(of(ALL, 3, "", line + "\n")).isPresent();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"a\":1",
                "{\"a\":NaN}",
                "{\"a\":1} {\"b\":2}",
                "{\"a\":\"\u0007\"}",
                "{\"a\":\"\t\"}",
                "{\"address\":\"0x10\",\"size\":49}\n{\"address\":\"0x30\",\"size\":16}",
                "{\"address\":\"0x10\",\"size\":32}\n{\"address\":\"0x10\",\"size\":32}"
            })
    void rowsThatMustNotBe(String rows) throws IOException {
        assertThat(of(ALL, 0, rows + "\n", "")).isPresent();
    }

    @Test
    void textThatIsNoText() throws IOException {
        assertThat(FuzzOracle.complaint(ALL, 0, new byte[] {'"', (byte) 0xff, '"'}, new byte[0]))
                .contains("output is no UTF-8");
    }

    @Test
    void aRefusalWithoutAWord() throws IOException {
        assertThat(of(ALL, 4, "", "")).isPresent();
    }
}
