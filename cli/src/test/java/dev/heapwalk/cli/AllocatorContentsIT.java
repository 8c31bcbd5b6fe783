// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import dev.heapwalk.testkit.Release;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What blocks are used for is told on other allocators as on glibc's malloc: the objects of one Ruby and one Python
 * program and what they own, and texts and streams of one in C.
 */
class AllocatorContentsIT {
    /** It packages all of them. */
    private static final Release RELEASE = Release.BOOKWORM;
    /** No library, so glibc's malloc. */
    private static final String NONE = "";

    private static final int ATTEMPTS = 5;
    private static final int LEAST_KINDS = 100;

    private static final int TEXTS = 300;
    private static final int STREAMS = 20;

    private static final String SOURCE = """
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <unistd.h>

            int main(void) {
                for (int i = 0; i < 300; i++) {
                    char *text = calloc(1, 30 + i);
                    memset(text, 'a' + i % 26, 29 + i);
                    dprintf(1, "text %p\\n", (void *)text);
                }
                for (int i = 0; i < 20; i++) {
                    FILE *stream = fopen("/dev/null", "w");
                    fputs("kept in the buffer", stream);
                    dprintf(1, "stream %p\\n", (void *)stream);
                }
                dprintf(1, "ready\\n");
                while (1) pause();
            }
            """;

    static Stream<String> libraries() {
        return Release.debian().contains(RELEASE)
                ? Stream.of("libjemalloc.so.2", "libtcmalloc_minimal.so.4", "libmimalloc.so.2")
                : Stream.empty();
    }

    private static Path file(String library) {
        return RELEASE.root(false)
                .orElseThrow()
                .resolve("usr/lib/x86_64-linux-gnu")
                .resolve(library);
    }

    @ParameterizedTest(allowZeroInvocations = true)
    @MethodSource("libraries")
    void objectsOfRubyAreThoseOnGlibc(String library) throws IOException {
        areThoseOnGlibc(library, one -> {
            RubyProcess.Launch launch =
                    RubyProcess.of(Ruby.BOOKWORM, "contents").option("--disable=gems");
            try (RubyProcess process = (one.isEmpty() ? launch : launch.preload(file(one))).start()) {
                // How many pages there are follows from what malloc gives more than was asked for; caches fill by
                // chance.
                return counts(process.pid(), one, "ruby", Set.of("heap page", "imemo_callcache", "imemo_constcache"));
            }
        });
    }

    @ParameterizedTest(allowZeroInvocations = true)
    @MethodSource("libraries")
    void objectsOfPythonAreThoseOnGlibc(String library) throws IOException {
        Python python = Python.debian().stream()
                .filter(one -> one.release() == RELEASE)
                .findFirst()
                .orElseThrow();
        areThoseOnGlibc(library, one -> {
            PythonProcess.Launch launch = PythonProcess.of(python).env("PYTHONHASHSEED", "1");
            try (PythonProcess process = (one.isEmpty() ? launch : launch.preload(file(one))).start()) {
                process.ask("owners");
                process.ask("kinds");
                // The environment is texts and bytes. A buffer may still have the look of what lay there before.
                return counts(
                        process.pid(),
                        one,
                        "python",
                        Set.of("builtins.str", "builtins.bytes", "pymalloc", "owned by _io.BufferedReader"));
            }
        });
    }

    /** Tells what a program with a library preloaded has of each kind. */
    private interface Look {
        Map<String, Long> at(String library) throws IOException;
    }

    private static void areThoseOnGlibc(String library, Look look) throws IOException {
        Set<Map<String, Long>> onGlibc = new HashSet<>();
        Set<Map<String, Long>> onOther = new HashSet<>();
        // By chance something on a stack looks like a reference, or does not.
        for (int i = 0; i < ATTEMPTS && Collections.disjoint(onGlibc, onOther); i++) {
            onGlibc.add(look.at(NONE));
            onOther.add(look.at(library));
        }
        assertThat(onOther).containsAnyElementsOf(onGlibc);
        assertThat(onOther).allMatch(counts -> counts.size() > LEAST_KINDS);
    }

    /** How many blocks of each kind there are in a domain. */
    private static Map<String, Long> counts(long pid, String library, String domain, Set<String> without)
            throws IOException {
        assertThat(Files.readString(Path.of("/proc", Long.toString(pid), "maps")))
                .contains(library);
        Map<String, Long> counts = new TreeMap<>();
        for (JsonNode row : AllocatorAnswers.rows(List.of(Long.toString(pid)), "summary")) {
            String kind = row.get("kind").textValue();
            if (row.get("domain").textValue().equals(domain) && !without.contains(kind)) {
                counts.merge(
                        kind + " " + row.get("detail").textValue().replaceAll("/tmp/[^/]*/", ""),
                        row.get("count").longValue(),
                        Long::sum);
            }
        }
        return counts;
    }

    static Stream<String> librariesAndNone() {
        return Stream.concat(Stream.of(NONE), libraries());
    }

    @ParameterizedTest
    @MethodSource("librariesAndNone")
    void textsAndStreamsOfCAreTold(String library) throws IOException {
        CProgram program = CProgram.portableSource("contents", SOURCE);
        Map<String, Map<String, Long>> kinds = kindsOf(program, library);
        assertThat(kinds.get("text")).isEqualTo(Map.of("string data", (long) TEXTS));
        assertThat(kinds.get("stream")).isEqualTo(Map.of("stdio FILE", (long) STREAMS));
        assertThat(kinds.get("other")).containsEntry("stdio buffer", (long) STREAMS);
    }

    /** A stream of musl's has its buffer in itself. */
    @Test
    void textsOfCOnMuslAreTold() throws IOException {
        Map<String, Map<String, Long>> kinds = kindsOf(CProgram.muslSource("contents", SOURCE), NONE);
        assertThat(kinds.get("text")).isEqualTo(Map.of("string data", (long) TEXTS));
    }

    /** What is told of the blocks that the program calls texts and streams, and of others. */
    private static Map<String, Map<String, Long>> kindsOf(CProgram program, String library) throws IOException {
        Release release = Release.debian().contains(RELEASE) ? RELEASE : Release.TRIXIE;
        List<String> line = new ArrayList<>();
        if (!library.isEmpty()) {
            line.addAll(List.of("/usr/bin/env", "LD_PRELOAD=" + library));
        }
        line.add(program.install(release, false));
        Process process = new ProcessBuilder(release.command(false, line))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader said = process.inputReader(StandardCharsets.US_ASCII)) {
            Map<Long, String> known = new HashMap<>();
            for (String told = said.readLine(); !told.equals("ready"); told = said.readLine()) {
                known.put(Long.decode(told.substring(told.indexOf(' ') + 1)), told.substring(0, told.indexOf(' ')));
            }
            Map<String, Map<String, Long>> kinds = new HashMap<>();
            for (JsonNode row : AllocatorAnswers.rows(List.of(Long.toString(process.pid())), "used")) {
                String what = known.getOrDefault(Long.decode(row.get("address").textValue()), "other");
                String detail = row.get("detail").textValue();
                kinds.computeIfAbsent(what, _ -> new TreeMap<>())
                        .merge((row.get("kind").textValue() + " " + detail).strip(), 1L, Long::sum);
            }
            return kinds;
        } finally {
            process.destroyForcibly();
        }
    }
}
