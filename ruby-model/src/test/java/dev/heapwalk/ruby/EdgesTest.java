// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.EdgeSink;
import dev.heapwalk.heap.EdgeSource;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.Label;
import dev.heapwalk.heap.RootSource;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.usage.RubyHeap;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What refers to what, and by which name, beside what Ruby itself says of it. */
class EdgesTest {
    /** The edges of one kind: from, name, to. */
    private record Edge(long from, String name, long to) {}

    private static final class Graph {
        private final Map<EdgeKind, Set<Edge>> edges = new HashMap<>();
        private final Map<Long, List<Edge>> references = new HashMap<>();

        Set<Edge> of(EdgeKind kind) {
            return edges.computeIfAbsent(kind, none -> new HashSet<>());
        }

        /** Whether an object has a reference, or one that leads there: fields of an object in 4.0, a closure. */
        boolean leads(long from, String name, long to, int depth) {
            if (of(EdgeKind.REFERS).contains(new Edge(from, name, to))) {
                return true;
            }
            for (Edge edge : references.getOrDefault(from, List.of())) {
                boolean same = edge.name.equals(name) || edge.name.startsWith(name + " of ");
                if (edge.to == to && same) {
                    return true;
                }
                boolean through = edge.name.equals("fields") || edge.name.equals("closure");
                if (through && depth > 0 && leads(edge.to, name, to, depth - 1)) {
                    return true;
                }
                // The elements of an Array that shares them are those of another, which may begin before.
                if (edge.name.equals("shared")
                        && name.startsWith("[")
                        && references.getOrDefault(edge.to, List.of()).stream()
                                .anyMatch(element -> element.to == to && element.name.startsWith("["))) {
                    return true;
                }
            }
            return false;
        }
    }

    private static String text(Label label) {
        StringBuilder text = new StringBuilder();
        label.appendTo(text);
        return text.toString();
    }

    private static Graph read(Target target) {
        Graph graph = new Graph();
        RubyHeap heap = Heaps.of(target).find(RubyHeap.class).orElseThrow();
        EdgeSource source = heap.edges().orElseThrow();
        BlockCursor block = heap.blocks();
        while (block.next()) {
            long from = block.address();
            source.edges(block, (to, kind, label) -> {
                Edge edge = new Edge(from, text(label), to);
                graph.of(kind).add(edge);
                if (kind == EdgeKind.REFERS) {
                    graph.references
                            .computeIfAbsent(from, none -> new ArrayList<>())
                            .add(edge);
                }
            });
        }
        return graph;
    }

    private static List<Edge> said(RubyProcess process, String command) throws Exception {
        List<Edge> edges = new ArrayList<>();
        for (String line : Files.readAllLines(process.askForFile(command))) {
            String[] words = line.split(" ");
            edges.add(new Edge(
                    Long.decode(words[0]),
                    new String(HexFormat.of().parseHex(words[1]), StandardCharsets.UTF_8),
                    Long.decode(words[2])));
        }
        return edges;
    }

    /** The kind of a name, for counts. */
    private static String kind(String name) {
        for (String begin : List.of("@@", "@", "::", "[", "{key}", "{value}", "{:", "{\"", "{", "local ")) {
            if (name.startsWith(begin)) {
                return begin;
            }
        }
        return "member";
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void haveTheNamesThatRubyGivesThem(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            Graph graph;
            Set<Long> weak = new HashSet<>();
            try (Target target = Target.attach(process.pid())) {
                graph = read(target);
            }
            Map<String, Integer> found = new TreeMap<>();
            List<String> lost = new ArrayList<>();
            for (Edge edge : said(process, "names")) {
                if (!graph.references.containsKey(edge.from)) {
                    // The command made it.
                    continue;
                }
                if (graph.leads(edge.from, edge.name, edge.to, 20)) {
                    found.merge(kind(edge.name), 1, Integer::sum);
                } else {
                    lost.add("0x%x %s 0x%x, but %s"
                            .formatted(
                                    edge.from,
                                    edge.name,
                                    edge.to,
                                    graph.references.get(edge.from).stream()
                                            .filter(one -> one.to == edge.to)
                                            .toList()));
                }
            }
            assertThat(lost).as(found.toString()).isEmpty();
            assertThat(found.keySet())
                    .containsExactlyInAnyOrder(
                            "@@", "@", "::", "[", "{key}", "{value}", "{:", "{\"", "{", "local ", "member");
            List<Edge> known = said(process, "weak");
            assertThat(known).hasSizeGreaterThan(2);
            for (Edge edge : known) {
                weak.add(edge.to);
                assertThat(graph.of(EdgeKind.WEAK))
                        .as("0x%x %s 0x%x", edge.from, edge.name, edge.to)
                        .anyMatch(one -> one.from == edge.from && one.to == edge.to);
            }
            assertThat(weak).isNotEmpty();
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void tellMethodsClosuresFramesAndGlobalsByName(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            String methods = "Outer::Inner::Deep.singleton_class.instance_methods(false)"
                    + " + Outer::Inner::Deep.singleton_class.private_instance_methods(false)";
            Set<String> theirs = new TreeSet<>(List.of(
                    process.ask("eval (" + methods + ").join(' ')").getFirst().split(" ")));
            long deep = address(process, "Outer::Inner::Deep.singleton_class");
            long popping = address(process, "KEPT['thread popping']");
            long fiber = address(process, "KEPT['suspended fiber']");
            long sleeping = address(process, "KEPT['thread sleeping']");
            long plain = address(process, "$plain");
            long finalized = address(process, "KEPT['finalized object']");
            long superclass = address(process, "Exception");
            long child = address(process, "StandardError");
            try (Target target = Target.attach(process.pid())) {
                Graph graph = read(target);
                Set<String> ours = new TreeSet<>();
                graph.references.get(deep).stream()
                        .filter(edge -> edge.name.startsWith("#"))
                        .forEach(edge -> ours.add(edge.name.substring(1)));
                assertThat(ours).containsAll(theirs);
                assertThat(graph.references.get(child)).contains(new Edge(child, "super", superclass));
                assertThat(namesAround(graph, popping)).anyMatch(name -> name.startsWith("local local of block"));
                assertThat(namesAround(graph, fiber)).anyMatch(name -> name.startsWith("local inside of block"));
                assertThat(namesAround(graph, sleeping)).contains("[:local]");

                RubyHeap heap = Heaps.of(target).find(RubyHeap.class).orElseThrow();
                RootSource roots = heap.roots().orElseThrow();
                Map<String, Set<String>> names = new TreeMap<>();
                Map<String, Long> globals = new HashMap<>();
                roots.roots((address, category, label) -> {
                    String name = text(label);
                    names.computeIfAbsent(category.label(), none -> new TreeSet<>())
                            .add(name);
                    if (category.label().equals("global_tbl")) {
                        globals.put(name, address);
                    }
                });
                assertThat(roots.missing()).isEmpty();
                assertThat(globals).containsEntry("$plain", plain).containsEntry("$other_name", plain);
                assertThat(names.get("finalizers")).contains("finalizers of 0x%x".formatted(finalized));
                assertThat(names.get("end_proc")).contains("at_exit[0]", "at_exit[1]", "at_exit[2]");
                assertThat(names.get("machine_context")).contains("stack of thread " + process.pid());
                assertThat(Stream.concat(
                                names.get("vm").stream(), names.getOrDefault("global_list", Set.of()).stream()))
                        .anyMatch(name -> name.matches("(\\w+(\\+0x\\p{XDigit}+)? in )?(lib)?ruby.*"))
                        .contains("top_self");
            }
        }
    }

    /** The names of the references of an object, and of those that its fiber has. */
    private static Set<String> namesAround(Graph graph, long address) {
        Set<String> names = new HashSet<>();
        for (Edge edge : graph.references.get(address)) {
            names.add(edge.name);
            if (edge.name.equals("fiber")) {
                graph.references.getOrDefault(edge.to, List.of()).forEach(inner -> names.add(inner.name));
            }
        }
        return names;
    }

    private static long address(RubyProcess process, String code) throws Exception {
        return Long.decode(process.ask("eval Target.address(" + code + ")").getFirst());
    }

    /** What an object owns is a block of malloc that is in use, and only it has it. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void tellWhatMemoryIsOwned(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            try (Target target = Target.attach(process.pid())) {
                Graph graph = read(target);
                Set<Long> taken = new HashSet<>();
                int blocks = 0;
                int others = 0;
                try (BlockLookup lookup = Heaps.of(target).allocators().lookup()) {
                    for (Edge edge : graph.of(EdgeKind.OWNS)) {
                        if (lookup.find(edge.to) && lookup.address() == edge.to) {
                            assertThat(lookup.state()).as(edge.toString()).isEqualTo(BlockState.USED);
                            blocks++;
                            taken.add(edge.to);
                        } else {
                            others++;
                        }
                    }
                }
                // The definition of a method may have several entries. Literals of code lie in the program.
                assertThat(taken.size()).isGreaterThan(blocks * 8 / 10);
                assertThat(blocks).isGreaterThan(10_000);
                assertThat(others).as("of %d", blocks).isLessThan(blocks / 2);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void areGivenWithoutAnObjectForASlot(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start();
                Target target = Target.attach(process.pid())) {
            var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
            RubyHeap heap = Heaps.of(target).find(RubyHeap.class).orElseThrow();
            EdgeSource source = heap.edges().orElseThrow();
            long[] edges = new long[1];
            EdgeSink count = (to, kind, label) -> edges[0]++;
            long least = Long.MAX_VALUE;
            long slots = 0;
            try (BlockCursor block = heap.blocks()) {
                for (int round = 0; round < 5; round++) {
                    block.rewind();
                    slots = 0;
                    long before = threads.getCurrentThreadAllocatedBytes();
                    while (block.next()) {
                        slots++;
                        source.edges(block, count);
                    }
                    least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
                }
            }
            assertThat(slots).isGreaterThan(30_000);
            assertThat(edges[0]).isGreaterThan(slots);
            assertThat(least).as("for %d slots", slots).isLessThan(slots / 2);
        }
    }
}
