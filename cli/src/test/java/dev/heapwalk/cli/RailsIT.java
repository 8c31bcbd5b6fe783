// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A Rails application under Puma, on glibc's malloc and with jemalloc preloaded, as Rails' own containers run it: what
 * {@code summary} tells of its objects is what the process itself tells, and the same with both.
 */
class RailsIT {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String JEMALLOC = "libjemalloc.so.2";
    /** Types of which asking the process makes none. What there is of others depends on what lies on stacks. */
    private static final Set<String> TYPES = Set.of("OBJECT", "STRUCT", "REGEXP", "FLOAT", "RATIONAL");

    private static final int ATTEMPTS = 12;

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#withGems")
    void objectsAreThoseThatTheProcessTells(Ruby ruby) throws IOException {
        Set<Map<String, Long>> onGlibc = new HashSet<>();
        Set<Map<String, Long>> onJemalloc = new HashSet<>();
        // By chance a thread keeps something of its last request, or does not: each process tells what it has itself.
        for (int i = 0; i < ATTEMPTS && Collections.disjoint(onGlibc, onJemalloc); i++) {
            try (RubyProcess process = RubyProcess.of(ruby, "rails").start()) {
                onGlibc.add(told(process, false));
            }
            try (RubyProcess process =
                    RubyProcess.of(ruby, "rails").env("LD_PRELOAD", JEMALLOC).start()) {
                onJemalloc.add(told(process, true));
            }
        }
        assertThat(onJemalloc).containsAnyElementsOf(onGlibc);
    }

    /** The objects that {@code summary} tells of, by type and class: those that the process itself dumps. */
    private static Map<String, Long> told(RubyProcess process, boolean jemalloc) throws IOException {
        String pid = Long.toString(process.pid());
        assertThat(Files.readString(Path.of("/proc", pid, "maps")).contains("libjemalloc"))
                .isEqualTo(jemalloc);
        Run run = Run.heapwalk("summary", "--format=jsonl", pid).exited(0);
        assertThat(run.err()).isEmpty();
        Map<String, Long> told = new TreeMap<>();
        for (JsonNode row : run.rows()) {
            String detail = row.get("detail").textValue();
            if (row.get("domain").textValue().equals("ruby")
                    && detail.startsWith("T_")
                    && TYPES.contains(detail.substring(2))) {
                told.merge(
                        detail.substring(2) + " " + named(row.get("kind").textValue()),
                        row.get("count").longValue(),
                        Long::sum);
            }
        }
        assertThat(told.get("OBJECT Item")).isEqualTo(200);
        assertThat(told).isEqualTo(dumped(process));
        return told;
    }

    /** The same by {@code ObjectSpace.dump_all}. */
    private static Map<String, Long> dumped(RubyProcess process) throws IOException {
        Map<String, String> names = new HashMap<>();
        Map<String, String> singletons = new HashMap<>();
        Map<String, Long> ofClass = new HashMap<>();
        try (BufferedReader lines = Files.newBufferedReader(process.dumpAll(), StandardCharsets.ISO_8859_1)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                JsonNode object = JSON.readTree(line);
                if (object.has("name") && object.has("address")) {
                    names.put(
                            object.get("address").textValue(),
                            object.get("name").textValue());
                } else if (object.path("singleton").asBoolean()) {
                    singletons.put(
                            object.get("address").textValue(),
                            object.get("superclass").textValue());
                }
                String type = object.get("type").textValue();
                if (TYPES.contains(type)) {
                    ofClass.merge(type + " " + object.path("class").asText(""), 1L, Long::sum);
                }
            }
        }
        Map<String, Long> dumped = new TreeMap<>();
        ofClass.forEach((key, count) -> {
            int blank = key.indexOf(' ');
            String of = key.substring(blank + 1);
            while (singletons.containsKey(of)) {
                of = singletons.get(of);
            }
            dumped.merge(key.substring(0, blank) + " " + named(names.getOrDefault(of, "")), count, Long::sum);
        });
        return dumped;
    }

    /** Without addresses. */
    private static String named(String name) {
        return name.isEmpty() || name.matches("#<Class:0x[0-9a-f]+>")
                ? "anonymous"
                : name.replaceAll("0x[0-9a-f]+", "");
    }
}
