// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static dev.heapwalk.malloc.LostBlocksTest.Answer.DEFINITELY;
import static dev.heapwalk.malloc.LostBlocksTest.Answer.DIRECTLY;
import static dev.heapwalk.malloc.LostBlocksTest.Answer.INDIRECTLY;
import static dev.heapwalk.malloc.LostBlocksTest.Answer.POSSIBLY;
import static dev.heapwalk.malloc.LostBlocksTest.Answer.REACHABLE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.graph.GraphOptions;
import dev.heapwalk.graph.HeapGraph;
import dev.heapwalk.graph.Held;
import dev.heapwalk.graph.Leaks;
import dev.heapwalk.graph.root.NativeRoots;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Grandchild;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * What is lost, of a program that holds and loses blocks in each way and says so, beside what LeakSanitizer and memcheck
 * tell of the same program. Where one of the three differs from what the program says, a rule says why.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LostBlocksTest {
    private static final long MASK = 0x5555555555555555L;

    /** What a tool says of a block. */
    enum Answer {
        REACHABLE,
        POSSIBLY,
        DEFINITELY,
        DIRECTLY,
        INDIRECTLY
    }

    /** Why one differs, and what each says then. */
    private enum Rule {
        POINTER_INTO_THE_MIDDLE(Held.BY_INTERIOR, REACHABLE, POSSIBLY),
        /** memcheck knows some shapes of C++ and of old strings. */
        MIDDLE_THAT_IS_A_KNOWN_SHAPE(Held.BY_INTERIOR, REACHABLE, REACHABLE),
        POINTER_TO_THE_END(Held.BY_END, DIRECTLY, DEFINITELY),
        /** malloc gave more than was asked for, so that the end of that lies inside. */
        END_INSIDE_THE_CHUNK(Held.BY_INTERIOR, DIRECTLY, DEFINITELY),
        MEMORY_THAT_LEAK_SANITIZER_LEAVES_OUT(Held.SURELY, DIRECTLY, REACHABLE),
        /** Nobody sees the pointer, though the program can make it again. */
        CHANGED_POINTER(Held.NOT, DIRECTLY, DEFINITELY),
        POINTER_THAT_THE_KERNEL_ALONE_HAS(Held.NOT, DIRECTLY, DEFINITELY),
        /** The pointer is there, and nothing tells that it is not used any more. */
        POINTER_THAT_WAS_LEFT_IN_A_FRAME(Held.SURELY, REACHABLE, REACHABLE),
        /** A word that malloc gave and the program did not ask for. */
        POINTER_BEHIND_THE_REQUEST(Held.SURELY, DIRECTLY, DEFINITELY),
        BELOW_A_LOST_BLOCK(Held.NOT, INDIRECTLY, INDIRECTLY),
        /** LeakSanitizer names no block of a circle, memcheck any one. */
        LEADER_OF_A_CIRCLE(Held.NOT, INDIRECTLY, DEFINITELY);

        private final Says says;

        Rule(Held graph, Answer sanitizer, Answer memcheck) {
            this.says = new Says(graph, sanitizer, memcheck);
        }
    }

    /** What is said of a block. */
    private record Says(Held graph, Answer sanitizer, Answer memcheck) {}

    private static final Says HELD = new Says(Held.SURELY, REACHABLE, REACHABLE);
    private static final Says LOST = new Says(Held.NOT, DIRECTLY, DEFINITELY);

    private static final Map<String, Rule> RULES = new HashMap<>();

    private static void rule(Rule rule, String... tags) {
        for (String tag : tags) {
            RULES.put(tag, rule);
        }
    }

    static {
        rule(
                Rule.POINTER_INTO_THE_MIDDLE,
                "plus-100",
                "low-bit-tag",
                "header-16",
                "pool",
                "of-a-pool",
                "linked-1",
                "linked-2");
        rule(Rule.MIDDLE_THAT_IS_A_KNOWN_SHAPE, "array-with-count", "second-base", "old-string", "behind-its-length");
        rule(Rule.POINTER_TO_THE_END, "end");
        rule(Rule.END_INSIDE_THE_CHUNK, "end-with-slack");
        rule(Rule.MEMORY_THAT_LEAK_SANITIZER_LEAVES_OUT, "private-mapping", "shared-mapping", "mapped-coroutine");
        rule(Rule.CHANGED_POINTER, "unaligned-word", "xor", "top-byte-tag", "compressed", "jump-buffer-rbp");
        rule(Rule.POINTER_THAT_THE_KERNEL_ALONE_HAS, "epoll-data", "timer-value", "in-a-pipe", "signal-stack");
        rule(Rule.POINTER_THAT_WAS_LEFT_IN_A_FRAME, "dead-slot");
        rule(Rule.POINTER_BEHIND_THE_REQUEST, "of-slack");
        rule(Rule.BELOW_A_LOST_BLOCK, "pair-2", "inner-2", "shared-3", "cycle-2", "tail-cycle-2", "tail-3");
        rule(Rule.LEADER_OF_A_CIRCLE, "cycle-1", "tail-cycle-1");
    }

    /** A line of the program's ledger. */
    private record Told(String tag, long size, boolean held, long address) {}

    private static final Pattern OF_MEMCHECK =
            Pattern.compile("([\\d,]+) (?:\\(([\\d,]+) direct, [\\d,]+ indirect\\) )?bytes in 1 blocks are "
                    + "(still reachable|possibly lost|definitely lost|indirectly lost)");
    private static final Pattern OF_SANITIZER =
            Pattern.compile("(Direct|Indirect) leak of (\\d+) byte\\(s\\) in 1 object\\(s\\)");

    @TempDir
    private Path folder;

    private String program;
    private String library;

    @BeforeAll
    void compile() throws IOException {
        program = CProgram.cpp("g++", "losing", "-O1", "-fno-crossjumping").toString();
        library = CProgram.compile("held.so", NativeRootsTest.LIBRARY, "-shared", "-fPIC")
                .toString();
    }

    private static Told told(String line) {
        String[] words = line.split(" ");
        assertThat(words).as(line).hasSize(4);
        return new Told(
                words[0],
                Long.parseLong(words[1]),
                words[2].equals("held"),
                Long.parseUnsignedLong(words[3], 16) ^ MASK);
    }

    /** What the program says of its blocks, by their sizes; and what a tool says, line by line. */
    private List<String> under(Map<String, String> environment, List<String> before, Map<Long, Told> ledger)
            throws IOException, InterruptedException {
        Path said = folder.resolve("said");
        Path found = folder.resolve("found");
        List<String> line = new ArrayList<>(before);
        line.addAll(List.of(program, library));
        ProcessBuilder builder = new ProcessBuilder(line)
                .redirectInput(Path.of("/dev/null").toFile())
                .redirectOutput(said.toFile())
                .redirectError(found.toFile());
        builder.environment().putAll(environment);
        int status = builder.start().waitFor();
        List<String> answers = Files.readAllLines(found, StandardCharsets.UTF_8);
        List<String> lines = Files.readAllLines(said, StandardCharsets.UTF_8);
        assertThat(status).as("%s", answers).isZero();
        assertThat(lines.getLast()).as("%s", answers).isEqualTo("ready");
        lines.subList(0, lines.size() - 1).forEach(one -> {
            Told block = told(one);
            assertThat(ledger.put(block.size, block))
                    .as("another block of its size")
                    .isNull();
        });
        return answers;
    }

    private Map<String, Answer> memcheck() throws IOException, InterruptedException {
        Map<Long, Told> ledger = new HashMap<>();
        List<String> lines = under(
                Map.of(),
                // The program asks for the check itself.
                List.of("valgrind", "--leak-check=no", "--show-leak-kinds=all", "--leak-resolution=high"),
                ledger);
        Map<String, Answer> answers = new TreeMap<>();
        for (String line : lines) {
            Matcher matcher = OF_MEMCHECK.matcher(line);
            if (matcher.find()) {
                String size = matcher.group(2) == null ? matcher.group(1) : matcher.group(2);
                Told block = ledger.get(Long.parseLong(size.replace(",", "")));
                Answer answer = switch (matcher.group(3)) {
                    case "still reachable" -> REACHABLE;
                    case "possibly lost" -> POSSIBLY;
                    case "definitely lost" -> DEFINITELY;
                    default -> INDIRECTLY;
                };
                if (block != null) {
                    assertThat(answers.put(block.tag, answer)).as(line).isNull();
                }
            }
        }
        assertThat(answers).hasSameSizeAs(ledger.values());
        return answers;
    }

    private Map<String, Answer> sanitizer() throws IOException, InterruptedException {
        Process asked = new ProcessBuilder("gcc", "-print-file-name=liblsan.so").start();
        String preload = new String(asked.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        Map<Long, Told> ledger = new HashMap<>();
        List<String> lines = under(
                Map.of("LD_PRELOAD", preload, "LSAN_OPTIONS", "exitcode=0:max_leaks=0:symbolize=0"), List.of(), ledger);
        Map<String, Answer> answers = new TreeMap<>();
        ledger.values().forEach(block -> answers.put(block.tag, REACHABLE));
        Set<String> seen = new HashSet<>();
        for (String line : lines) {
            Matcher matcher = OF_SANITIZER.matcher(line);
            if (matcher.find()) {
                Told block = ledger.get(Long.parseLong(matcher.group(2)));
                if (block != null) {
                    assertThat(seen.add(block.tag)).as(line).isTrue();
                    answers.put(block.tag, matcher.group(1).equals("Direct") ? DIRECTLY : INDIRECTLY);
                }
            }
        }
        assertThat(seen).as("%s", lines).isNotEmpty();
        return answers;
    }

    /** What the program says, and what the graph of it when nothing else looks at it. */
    private Map<Told, Held> graph(List<String> cases) throws IOException {
        List<String> line = new ArrayList<>(List.of(program, library));
        line.addAll(cases);
        Grandchild process = Grandchild.start(new ProcessBuilder(line));
        try (BufferedReader out = process.inputReader()) {
            List<Told> ledger = new ArrayList<>();
            for (String one = out.readLine(); !one.equals("ready"); one = out.readLine()) {
                ledger.add(told(one));
            }
            Map<Told, Held> answers = new LinkedHashMap<>();
            try (Target target = Target.attach(process.pid())) {
                Heaps heaps = Heaps.of(target);
                try (NativeRoots roots = NativeRoots.of(heaps);
                        HeapGraph graph = HeapGraph.of(heaps, List.of(roots), GraphOptions.DEFAULT)) {
                    Leaks leaks = graph.leaks();
                    Set<Integer> lost = new HashSet<>();
                    for (Told block : ledger) {
                        int node = graph.blocks().at(block.address);
                        assertThat(node).as(block.tag).isNotNegative();
                        answers.put(block, leaks.held(node));
                        lost.add(node);
                    }
                    // Of what the program did not make itself, nothing is lost.
                    for (int i = 0; i < leaks.leaderCount(); i++) {
                        assertThat(lost).contains(leaks.leader(i));
                    }
                }
            }
            return answers;
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void whatIsLostIsWhatTheProgramSaysAndWhereNotARuleSaysWhy() throws Exception {
        Map<String, Answer> sanitizer = sanitizer();
        Map<String, Answer> memcheck = memcheck();
        Map<Told, Held> graph = graph(List.of());
        assertThat(graph).hasSizeGreaterThan(70);
        Map<String, Says> found = new TreeMap<>();
        Map<String, Says> expected = new TreeMap<>();
        Set<String> ruled = new HashSet<>(RULES.keySet());
        graph.forEach((block, held) -> {
            found.put(block.tag, new Says(held, sanitizer.get(block.tag), memcheck.get(block.tag)));
            Rule rule = RULES.get(block.tag);
            expected.put(block.tag, rule != null ? rule.says : block.held ? HELD : LOST);
            ruled.remove(block.tag);
        });
        assertThat(found).containsExactlyInAnyOrderEntriesOf(expected);
        assertThat(ruled).as("rules for blocks that are not there").isEmpty();
    }

    /** So no block is held by what another case left behind. */
    @Test
    void aCaseAloneGivesTheSame() throws IOException {
        Map<String, Held> together = new TreeMap<>();
        graph(List.of()).forEach((block, held) -> together.put(block.tag, held));
        for (String name : List.of(
                "loses",
                "loses_by_free",
                "loses_by_cache",
                "below_stack",
                "of_ended_thread",
                "in_frame",
                "in_containers",
                "in_timer")) {
            graph(List.of(name))
                    .forEach((block, held) -> assertThat(held).as(block.tag).isEqualTo(together.get(block.tag)));
        }
    }
}
