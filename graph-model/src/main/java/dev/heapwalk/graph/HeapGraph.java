// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.Label;
import dev.heapwalk.heap.RootCategory;
import dev.heapwalk.heap.RootSource;
import dev.heapwalk.memory.UnsupportedTargetException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/**
 * Which block refers to which, over all heaps of a target, and what keeps them alive.
 *
 * <pre>{@code
 * try (Target target = Target.core(path); HeapGraph graph = HeapGraph.of(Heaps.of(target))) {
 *     int block = graph.blocks().at(address);
 *     long freed = graph.dominators().retained(block);
 *     List<HeapPath> paths = graph.paths().toRoots(block, 3);
 * }
 * }</pre>
 *
 * <p>Its nodes are numbered: the blocks in use by their addresses, as in its {@link BlockIndex}; then a node for each
 * {@link RootGroup}; and last the root, which leads to these groups.
 *
 * <p>What a block refers to is told by its heap where that knows ({@link dev.heapwalk.heap.EdgeSource}); of any other
 * block each aligned word is taken for a pointer that points to a block.
 *
 * <p>It lies outside the Java heap. It is closed by who made it, before the target is; after that, or if it is closed
 * meanwhile, questions throw. It does not change, also where a process runs on. Any thread may ask; one at a time where
 * names are asked for.
 */
public final class HeapGraph implements AutoCloseable {
    /** The group of what a heap has for itself, such as the heads of its pages. */
    public static final RootCategory BOOKKEEPING = new RootCategory("bookkeeping", true);

    private static final EdgeKind[] KINDS = EdgeKind.values();

    private final Tables tables;
    private final BlockIndex index;
    private final Links links;
    private final GraphBuilder built;
    private final List<RootGroup> groups;
    private Dominators dominators;
    private BlockEdges names;
    private boolean closed;

    private HeapGraph(Tables tables, GraphBuilder built, Links links) {
        this.tables = tables;
        this.index = built.index;
        this.links = links;
        this.built = built;
        this.groups = List.copyOf(built.groups);
    }

    /**
     * Makes the graph of all heaps, with the roots that these know themselves. Blocks that only C code holds seem to be
     * held by nobody then: for them give roots of the program.
     *
     * @param heaps the heaps of a target that stands still, or else of a moment that is not one
     * @return a new graph
     * @throws UnsupportedTargetException if there is no heap, or more blocks or edges than a graph has room for
     */
    public static HeapGraph of(Heaps heaps) {
        return of(heaps, List.of(), GraphOptions.DEFAULT);
    }

    /**
     * Makes the graph of all heaps.
     *
     * @param heaps the heaps of a target that stands still, or else of a moment that is not one
     * @param roots what else keeps blocks alive; it is asked for names again as long as the graph is open, and closed
     *     by who made it
     * @param options what the graph may take
     * @return a new graph
     * @throws UnsupportedTargetException if there is no heap, or more blocks or edges than a graph has room for
     * @throws java.io.UncheckedIOException if the folder for temporary files has no room for what does not fit into
     *     memory
     */
    public static HeapGraph of(Heaps heaps, List<? extends RootSource> roots, GraphOptions options) {
        return of(heaps, roots, options, () -> {});
    }

    /**
     * Makes the graph of all heaps, which takes long where they are large.
     *
     * @param heaps the heaps of a target that stands still, or else of a moment that is not one
     * @param roots what else keeps blocks alive; it is asked for names again as long as the graph is open, and closed
     *     by who made it
     * @param options what the graph may take
     * @param progress is run from time to time, by this thread; an exception of it ends the work
     * @return a new graph
     * @throws UnsupportedTargetException if there is no heap, or more blocks or edges than a graph has room for
     * @throws java.io.UncheckedIOException if the folder for temporary files has no room for what does not fit into
     *     memory
     */
    public static HeapGraph of(Heaps heaps, List<? extends RootSource> roots, GraphOptions options, Runnable progress) {
        Tables tables = new Tables(options);
        try {
            GraphBuilder builder = new GraphBuilder(tables, BlockIndex.of(heaps, tables, false, progress), progress);
            return new HeapGraph(tables, builder, builder.build(heaps, roots, Rows.MOST_EDGES));
        } catch (RuntimeException | Error e) {
            tables.close();
            throw e;
        }
    }

    /**
     * The blocks, which are the nodes from 0 on.
     *
     * @return the index, good as long as the graph is open
     */
    public BlockIndex blocks() {
        return index;
    }

    /**
     * How many nodes there are.
     *
     * @return the number of the root and one
     */
    public int nodeCount() {
        return links.nodes();
    }

    /**
     * How many edges there are, those from the root to the groups included.
     *
     * @return a count
     */
    public int edgeCount() {
        return links.forward().edges();
    }

    /**
     * The node above all.
     *
     * @return its number, the highest one
     */
    public int root() {
        return links.root();
    }

    /**
     * Whether a node is a block.
     *
     * @param node the number of a node
     * @return false for a group of roots and for the root
     */
    public boolean isBlock(int node) {
        return Objects.checkIndex(node, nodeCount()) < index.count();
    }

    /**
     * The groups of roots, which are the nodes behind the blocks: the first one has the number {@code
     * blocks().count()}.
     *
     * @return an unmodifiable list
     */
    public List<RootGroup> groups() {
        return groups;
    }

    /**
     * The group that a node stands for.
     *
     * @param node the number of a node that is neither a block nor the root
     * @return the group
     */
    public RootGroup group(int node) {
        return groups.get(node - index.count());
    }

    /**
     * How large a node is.
     *
     * @param node the number of a node
     * @return bytes, with what the allocator needs itself; 0 for what is no block
     */
    public long size(int node) {
        return isBlock(node) ? index.size(node) : 0;
    }

    /**
     * Goes through what nodes refer to.
     *
     * @return a new cursor, at no node yet
     */
    public EdgeCursor references() {
        return new EdgeCursor(links.forward());
    }

    /**
     * Goes through what refers to nodes.
     *
     * @return a new cursor, at no node yet
     */
    public EdgeCursor referrers() {
        return new EdgeCursor(links.backward());
    }

    /**
     * Gives what a node refers to, with names. For that the node is read again, so that none need be kept: of a process
     * that ran on it may be another one.
     *
     * @param node the number of a node, but not of the root
     * @param sink takes the references; it must not ask for names itself
     */
    public synchronized void references(int node, ReferenceSink sink) {
        checkOpen();
        if (isBlock(node)) {
            ofBlock(node, sink);
        } else if (node != root()) {
            ofGroup(node - index.count(), sink);
        }
    }

    private void ofBlock(int node, ReferenceSink sink) {
        if (index.reserved(node)) {
            return;
        }
        if (names == null) {
            names = new BlockEdges(index);
        }
        BlockEdges.Sink give = (word, label) -> {
            int other = word & BlockIndex.MOST;
            EdgeKind kind = built.isWeak(node, other) ? EdgeKind.WEAK : KINDS[word >>> BlockIndex.KIND_SHIFT];
            sink.reference(other, kind, label);
        };
        if (built.known.has(node)) {
            if (names.known(node, give)) {
                return;
            }
            names.guessed(node, index.address(node), give);
        } else {
            boolean owned = built.owned.has(node);
            names.guessed(node, index.address(node), (word, label) -> {
                int other = word & BlockIndex.MOST;
                if (!owned || !built.known.has(other) && !names.inRuntime(other)) {
                    give.edge(word, label);
                }
            });
        }
    }

    private void ofGroup(int group, ReferenceSink sink) {
        RootSource source = built.rootSources.get(group);
        if (source == null) {
            EdgeCursor edges = references().of(index.count() + group);
            while (edges.next()) {
                sink.reference(edges.node(), edges.kind(), Label.NONE);
            }
            return;
        }
        source.roots(groups.get(group).category(), (address, category, label) -> {
            int found = index.target(address);
            if (found != BlockIndex.NONE) {
                int other = found & BlockIndex.MOST;
                boolean weak = built.isWeak(index.count() + group, other);
                sink.reference(other, weak ? EdgeKind.WEAK : KINDS[found >>> BlockIndex.KIND_SHIFT], label);
            }
        });
    }

    /**
     * The name by which a node refers to another: that of a field, of a variable, or a place in a block.
     *
     * @param from the number of a node
     * @param to the number of another
     * @return the names, {@code +0x10} and the like in blocks that nobody knows; none if it does not refer to it, or by
     *     no name
     */
    public List<String> names(int from, int to) {
        List<String> found = new ArrayList<>();
        references(from, (node, kind, label) -> {
            if (node == to) {
                StringBuilder text = new StringBuilder();
                label.appendTo(text);
                if (!text.isEmpty() && !found.contains(text.toString())) {
                    found.add(text.toString());
                }
            }
        });
        return List.copyOf(found);
    }

    /**
     * What each node holds alone, by all edges but those of {@link EdgeKind#WEAK}. Found when it is first asked for.
     *
     * @return the dominators, good as long as the graph is open
     */
    public synchronized Dominators dominators() {
        checkOpen();
        if (dominators == null) {
            dominators = Dominators.of(links, links.entries(), Links.HOLDING, this::size);
        }
        return dominators;
    }

    /**
     * Finds ways from the roots to blocks, by all edges but those of {@link EdgeKind#WEAK}.
     *
     * @return the paths, good as long as the graph is open
     */
    public Paths paths() {
        checkOpen();
        return new Paths(links, index.count(), this::size);
    }

    /**
     * Finds the blocks that no root leads to.
     *
     * @return the leaks, good as long as the graph is open
     */
    public Leaks leaks() {
        checkOpen();
        return Leaks.of(links, index.count(), this::size);
    }

    /**
     * Which blocks are reached by edges of some kinds.
     *
     * @param kinds the kinds of edges that count
     * @return for each block whether a way leads from the root to it
     */
    public boolean[] reachable(Set<EdgeKind> kinds) {
        checkOpen();
        NodeSet reached = links.reach(new int[] {root()}, Links.mask(kinds) | Links.mask(Set.of(EdgeKind.OWNS)));
        boolean[] answer = new boolean[index.count()];
        for (int node = 0; node < answer.length; node++) {
            answer[node] = reached.has(node);
        }
        return answer;
    }

    /**
     * What could not be told: blocks that are damaged or could not be read, roots that are missing.
     *
     * @return a line each, for a person
     */
    public List<String> missing() {
        List<String> missing = new ArrayList<>();
        if (index.unlisted() > 0) {
            missing.add("%d blocks begin where no program's do, or in another block, and are left out"
                    .formatted(index.unlisted()));
        }
        if (built.damaged.get() > 0) {
            missing.add("%d objects are damaged or changed, so references of theirs are missing"
                    .formatted(built.damaged.get()));
        }
        if (built.unreadable.get() > 0) {
            missing.add("%d bytes of blocks could not be read, so references in them are missing"
                    .formatted(built.unreadable.get()));
        }
        built.rootSources.stream()
                .filter(Objects::nonNull)
                .distinct()
                .forEach(source -> missing.addAll(source.missing()));
        return List.copyOf(missing);
    }

    /**
     * How many bytes its tables take, outside the Java heap.
     *
     * @return bytes, those in files included
     */
    public long tableBytes() {
        return tables.bytes();
    }

    /**
     * How many bytes its tables took at most, so far.
     *
     * @return bytes, those in files included
     */
    public long mostTableBytes() {
        return tables.mostBytes();
    }

    /**
     * How many bytes of its tables lie in files, since they would not fit into memory.
     *
     * @return bytes
     */
    public long fileBytes() {
        return tables.bytesInFiles();
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("the graph is closed: there is nothing to ask for any more");
        }
    }

    /** Frees its tables. A second call does nothing. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (names != null) {
            names.close();
        }
        built.ownSources.forEach(RootSource::close);
        tables.close();
    }

    /**
     * Says how large it is.
     *
     * @return a line for a person
     */
    @Override
    public String toString() {
        return closed
                ? "a closed graph"
                : "graph of %d blocks and %d edges from %d groups of roots"
                        .formatted(index.count(), edgeCount(), groups.size());
    }
}
