// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.ThisMachine;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The process that heapwalk starts itself. */
final class DemoIT {
    private static final Pattern PID = Pattern.compile("heapwalk: demo: process (\\d+) holds ");

    private static long demoPid(String line) {
        Matcher matcher = PID.matcher(line);
        assertThat(matcher.lookingAt()).as(line).isTrue();
        return Long.parseLong(matcher.group(1));
    }

    @Test
    void itsBlocksAreFoundAndItIsEnded() {
        Run run = Run.launched("sizes", "demo", "--format=jsonl").exited(0);
        assertThat(ProcessHandle.of(demoPid(run.err()))).isEmpty();
        long blocks = count(run.rows(), 5_008);
        assertThat(blocks).isBetween(750L, 770L);
        assertThat(count(run.rows(), 704 + 16)).isGreaterThanOrEqualTo(300);
        assertThat(count(run.rows(), (1 << 20) + 4096)).isGreaterThanOrEqualTo(1);
    }

    private static long count(List<JsonNode> rows, long size) {
        return rows.stream()
                .filter(row -> row.get("size").longValue() == size)
                .mapToLong(row -> row.get("count").longValue())
                .sum();
    }

    @Test
    void summaryNamesItsStrings() {
        Run run = Run.heapwalk("summary", "demo").exited(0);
        assertThat(run.lines().getFirst()).matches("Domain +Kind +Detail +Count +Allocated size +Share +Cumulative");
        assertThat(run.text()).containsPattern("C +string data +[0-9,]{3,}");
        assertThat(run.lines().getLast()).startsWith("TOTAL");
    }

    @Test
    void itEndsWhenItsParentIsKilled() throws Exception {
        // Nobody reads the rows, so the parent stays in its last write.
        Process parent = new ProcessBuilder(
                        Run.checkout().resolve("bin/heapwalk").toString(), "all", "demo", "--format=jsonl")
                .start();
        long demo = demoPid(parent.errorReader().readLine());
        assertThat(parent.getInputStream().read()).isEqualTo('{');
        ProcessHandle child = ProcessHandle.of(demo).orElseThrow();
        parent.destroyForcibly();
        parent.waitFor();
        child.onExit().get(ThisMachine.PATIENCE.toSeconds(), TimeUnit.SECONDS);
        assertThat(child.isAlive()).isFalse();
    }

    @Test
    void itEndsWhenItsParentIsEnded() throws Exception {
        Process parent = new ProcessBuilder(
                        Run.checkout().resolve("bin/heapwalk").toString(), "all", "demo", "--format=jsonl")
                .start();
        long demo = demoPid(parent.errorReader().readLine());
        assertThat(parent.getInputStream().read()).isEqualTo('{');
        ProcessHandle child = ProcessHandle.of(demo).orElseThrow();
        new ProcessBuilder("kill", "-TERM", Long.toString(parent.pid())).start().waitFor();
        assertThat(parent.waitFor()).isEqualTo(143);
        child.onExit().get(ThisMachine.PATIENCE.toSeconds(), TimeUnit.SECONDS);
        assertThat(child.isAlive()).isFalse();
    }
}
