// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.graph.Dominators;
import dev.heapwalk.graph.EdgeCursor;
import dev.heapwalk.graph.GraphOptions;
import dev.heapwalk.graph.HeapGraph;
import dev.heapwalk.graph.root.NativeRoots;
import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Grandchild;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.netbeans.lib.profiler.heap.Heap;
import org.netbeans.lib.profiler.heap.HeapFactory;
import org.netbeans.lib.profiler.heap.Instance;

/**
 * What each block retains is what NetBeans' profiler finds in a dump of the same graph: it knows nothing of ours, and
 * finds dominators in another way.
 */
final class RetainedSizesIT {
    /** Heads of arrays, as NetBeans counts them. */
    private static final int ARRAY = 24;

    private static final int STEP = 32;

    @TempDir
    private Path folder;

    private static final String RUBY = """
            class Cart
              attr_accessor :next
              def initialize(items) = @items = items
            end
            shared = "a string that all carts have, of more than forty bytes"
            $registry = {}
            last = nil
            1000.times do |i|
              cart = Cart.new([shared] + (1..9).map { |k| "thing #{k} of cart #{i}, which is in no slot" })
              last.next = cart if last
              last = cart if i % 3 == 0
              $registry["cart #{i}"] = cart
            end
            $handlers = (1..50).map { |i| proc { $registry.size + i } }
            puts "ready"
            STDOUT.flush
            STDIN.read
            """;

    private static final String PYTHON = """
            class Node:
                def __init__(self, i):
                    self.text = "text of node %d" % i
                    self.others = []
            nodes = [Node(i) for i in range(3000)]
            for i, node in enumerate(nodes):
                node.others.append(nodes[i * 7 % 3000])
                node.others.append(nodes[i // 2])
            first = nodes[0]
            table = {i: node for i, node in enumerate(nodes) if i % 5}
            del nodes
            print("ready", flush=True)
            input()
            """;

    private static final String C = """
            #include <stdio.h>
            #include <stdlib.h>
            struct node { struct node *left, *right, *other; char *text; };
            struct node *tree;
            struct node *all[4096];
            static struct node *grow(int depth, int at) {
                struct node *one = calloc(1, sizeof *one);
                all[at] = one;
                one->text = malloc(20 + at % 100);
                if (depth > 0) {
                    one->left = grow(depth - 1, 2 * at);
                    one->right = grow(depth - 1, 2 * at + 1);
                }
                return one;
            }
            int main(void) {
                tree = grow(10, 1);
                for (int i = 1; i < 2048; i++) {
                    all[i]->other = i % 3 ? NULL : all[i * 5 % 2047 + 1];
                    if (i % 7 == 0) all[i]->left = all[i];
                }
                for (int i = 0; i < 4096; i++) all[i] = NULL;
                puts("ready");
                fflush(stdout);
                getchar();
            }
            """;

    @Test
    void ofRubyAreThoseThatNetBeansFinds() throws IOException {
        check(
                "ruby",
                "--disable=gems",
                Files.writeString(folder.resolve("carts.rb"), RUBY).toString());
    }

    @Test
    void ofPythonAreThoseThatNetBeansFinds() throws IOException {
        check("python3", Files.writeString(folder.resolve("nodes.py"), PYTHON).toString());
    }

    @Test
    void ofCAreThoseThatNetBeansFinds() throws IOException {
        check(CProgram.compile("tree", C).toString());
    }

    private void check(String... line) throws IOException {
        Grandchild process = Grandchild.start(new ProcessBuilder(line));
        try (BufferedReader said = process.inputReader()) {
            assertThat(said.readLine()).isEqualTo("ready");
            try (Target target = Target.attach(process.pid())) {
                Heaps heaps = Heaps.of(target);
                try (NativeRoots roots = NativeRoots.of(heaps);
                        HeapGraph graph = HeapGraph.of(heaps, List.of(roots), GraphOptions.DEFAULT)) {
                    compare(graph);
                }
            }
        } finally {
            process.destroyForcibly();
        }
    }

    private static long id(int node) {
        return HprofWriter.FIRST_OBJECT + (long) node * STEP;
    }

    /** Of a node that is larger than its references, an array of bytes has the rest. */
    private static long rest(HeapGraph graph, int node, int references) {
        return graph.size(node) - 2 * ARRAY - (references + 1L) * Long.BYTES;
    }

    /** What nodes refer to; the last reference is to what the rest of a node's bytes are. */
    private static long[] references(HeapGraph graph, int node) {
        LongStream.Builder found = LongStream.builder();
        int count = 0;
        EdgeCursor edges = graph.references().of(node);
        while (edges.next()) {
            if (edges.kind() != EdgeKind.WEAK) {
                found.add(id(edges.node()));
                count++;
            }
        }
        if (rest(graph, node, count) >= 0) {
            found.add(id(node) + STEP / 2);
        }
        return found.build().toArray();
    }

    private static void write(HeapGraph graph, Dominators dominators, Path file) throws IOException {
        try (HprofWriter writer = new HprofWriter(new BufferedOutputStream(Files.newOutputStream(file)))) {
            writer.root(id(graph.root()));
            for (int node = 0; node < graph.nodeCount(); node++) {
                if (dominators.reached(node)) {
                    long[] references = references(graph, node);
                    writer.array(id(node), references);
                    long rest = rest(graph, node, references.length - 1);
                    if (references.length > 0 && references[references.length - 1] == id(node) + STEP / 2) {
                        writer.bytes(id(node) + STEP / 2, (int) rest);
                    }
                }
            }
        }
    }

    private void compare(HeapGraph graph) throws IOException {
        Dominators dominators = graph.dominators();
        Path file = folder.resolve("graph.hprof");
        write(graph, dominators, file);
        Heap heap = HeapFactory.createHeap(file.toFile());
        long[] shown = new long[graph.nodeCount()];
        long exact = 0;
        for (int node = 0; node < shown.length; node++) {
            if (dominators.reached(node)) {
                Instance instance = heap.getInstanceByID(id(node));
                shown[node] = instance.getSize();
                Instance rest = heap.getInstanceByID(id(node) + STEP / 2);
                if (rest != null) {
                    shown[node] += rest.getSize();
                }
                exact += shown[node] == graph.size(node) ? 1 : 0;
            }
        }
        // What is smaller than its references and two heads is shown as larger than it is.
        assertThat(exact).isPositive();
        int compared = 0;
        for (int node = 0; node < shown.length; node++) {
            if (dominators.reached(node) && node != graph.root()) {
                assertThat(heap.getInstanceByID(id(node)).getRetainedSize())
                        .as("node %d", node)
                        .isEqualTo(below(dominators, node, shown));
                compared++;
            }
        }
        assertThat(compared).isGreaterThan(3000);
    }

    /** The sum of what hangs below a node in the tree of dominators. */
    private static long below(Dominators dominators, int node, long[] sizes) {
        long sum = 0;
        int[] waiting = new int[1 << 10];
        int count = 0;
        waiting[count++] = node;
        while (count > 0) {
            int at = waiting[--count];
            sum += sizes[at];
            int children = dominators.childCount(at);
            if (count + children > waiting.length) {
                waiting = Arrays.copyOf(waiting, 2 * (count + children));
            }
            for (int i = 0; i < children; i++) {
                waiting[count++] = dominators.child(at, i);
            }
        }
        return sum;
    }
}
