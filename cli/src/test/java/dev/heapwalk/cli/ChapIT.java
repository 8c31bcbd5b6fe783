// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Blocks that were handed out, in cores, are those that chap finds, which is another reader of heaps, and may be had here or not. */
@EnabledIfEnvironmentVariable(named = ChapIT.VARIABLE, matches = ".+")
class ChapIT {
    /** The path of its program. */
    static final String VARIABLE = "HEAPWALK_CHAP";

    @TempDir
    private Path folder;

    static Stream<Arguments> programs() {
        return Release.debian().stream()
                .flatMap(release -> Stream.of("", "libtcmalloc_minimal.so.4")
                        .flatMap(library -> Stream.of("basic", "threads", "exits", "many")
                                .map(scenario -> Arguments.of(release, library, scenario))));
    }

    @ParameterizedTest
    @MethodSource("programs")
    void blocksAreThoseOfChap(Release release, String library, String scenario) throws Exception {
        LedgerProcess.Launch launch = LedgerProcess.of(release, scenario);
        try (LedgerProcess process = (library.isEmpty() ? launch : launch.preload(library)).start()) {
            Path core = Cores.gcore(process, folder);
            String root = release.root(false).orElseThrow().toString();
            List<JsonNode> all = AllocatorAnswers.rows(List.of(core.toString(), "--sysroot", root), "all");
            Set<Long> chap = chap(core);
            // In tcmalloc's own memory it takes a page for a block.
            AllocatorAnswers.of(all, "METADATA")
                    .forEach(row -> chap.removeIf(address -> Long.compareUnsigned(
                                    address - address(row), row.get("size").longValue())
                            < 0));
            // It does not know what threads keep for themselves.
            Set<Long> ours = AllocatorAnswers.of(all, "USED", "TCACHE", "TRANSFER").stream()
                    .map(ChapIT::address)
                    .collect(Collectors.toSet());
            assertThat(chap).isEqualTo(ours).hasSizeGreaterThan(100);
        }
    }

    private static long address(JsonNode row) {
        return Long.decode(row.get("address").textValue());
    }

    /** The addresses that chap enumerates. */
    private static Set<Long> chap(Path core) throws IOException {
        Process chap = new ProcessBuilder(System.getenv(VARIABLE), core.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (var commands = chap.outputWriter(StandardCharsets.US_ASCII)) {
            commands.write("enumerate used\n");
        }
        try (var answers = chap.inputReader(StandardCharsets.UTF_8)) {
            return answers.lines()
                    .filter(line -> line.matches("[0-9a-f]{5,16}"))
                    .map(line -> Long.parseLong(line, 16))
                    .collect(Collectors.toSet());
        }
    }
}
