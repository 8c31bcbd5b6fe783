// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.RootCategory;
import dev.heapwalk.heap.RootSource;
import dev.heapwalk.memory.raw.Crew;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Finds the edges of all blocks. First the runtimes tell those that they know. What an object owns that knows all of
 * its references is done with: its words count only as far as they lead to blocks that nobody knows, since what is left
 * over in an array or a table is no reference. Then all other blocks are searched word by word.
 */
final class GraphBuilder {
    /** So many blocks a thread takes at once. */
    private static final int SHARE = 1 << 14;

    private static final int OWNS = EdgeKind.OWNS.ordinal();
    private static final int REFERS = EdgeKind.REFERS.ordinal();
    private static final int WEAK = EdgeKind.WEAK.ordinal();

    final Tables tables;
    final BlockIndex index;
    final List<RootGroup> groups = new ArrayList<>();
    /** By group; null for what a heap has for itself. */
    final List<RootSource> rootSources = new ArrayList<>();

    final List<RootSource> ownSources = new ArrayList<>();
    /** Blocks of which a runtime has told all. */
    final NodeSet known;
    /** Blocks that belong to one of those. */
    final NodeSet owned;
    /** Blocks of which a runtime does not know all. */
    private final NodeSet unsure;
    /** Blocks of C code that belong to one of those. */
    private final NodeSet counting;
    /** By heap. */
    private boolean[] heldByKnownAlone = {};
    /** Where a runtime counts references. */
    private Optional<FoundReferences> found = Optional.empty();

    final AtomicLong damaged = new AtomicLong();
    final AtomicLong unreadable = new AtomicLong();
    private final List<RowWriter> writers = new ArrayList<>();
    private final Runnable progress;

    GraphBuilder(Tables tables, BlockIndex index, Runnable progress) {
        this.tables = tables;
        this.index = index;
        this.progress = progress;
        this.known = new NodeSet(index.count());
        this.owned = new NodeSet(index.count());
        this.unsure = new NodeSet(index.count());
        this.counting = new NodeSet(index.count());
    }

    /** Finds all edges. */
    Links build(Heaps heaps, List<? extends RootSource> more, long most) {
        boolean anybodyKnows;
        try (BlockEdges edges = new BlockEdges(index)) {
            anybodyKnows = edges.anybodyKnows();
            heldByKnownAlone = edges.heldByKnownAlone();
            if (edges.anybodyCounts()) {
                found = Optional.of(new FoundReferences(index.count()));
            }
        }
        if (anybodyKnows) {
            inShares((edges, writer, number, address) -> tell(edges, writer, number));
        }
        inShares(this::guess);
        RowWriter roots = new RowWriter(tables);
        writers.add(roots);
        for (Heap heap : heaps.list()) {
            heap.roots().ifPresent(source -> {
                ownSources.add(source);
                addRoots(heap.name(), source, roots, true);
            });
        }
        more.forEach(source -> addRoots("", source, roots, false));
        addReserved(roots);
        int root = index.count() + groups.size();
        roots.begin();
        for (int i = 0; i < groups.size(); i++) {
            roots.add(OWNS << BlockIndex.KIND_SHIFT | index.count() + i);
        }
        roots.end(root);
        Rows forward = Rows.of(tables, root + 1, writers, most);
        weaken(forward);
        found.ifPresent(references -> leaveOut(references, forward));
        return Links.of(tables, forward);
    }

    /**
     * Has no pointer of C code hold what a garbage collector has, since that does not look there: only where the block
     * belongs to an object of which nobody knows what it refers to.
     */
    private void weaken(Rows forward) {
        boolean any = false;
        for (boolean one : heldByKnownAlone) {
            any |= one;
        }
        if (!any) {
            return;
        }
        try (IntStack waiting = new IntStack(tables)) {
            for (int number = 0; number < index.count(); number++) {
                if (unsure.has(number)) {
                    waiting.push(number);
                }
            }
            while (!waiting.isEmpty()) {
                int node = waiting.pop();
                int end = forward.end(node);
                for (int edge = forward.start(node); edge < end; edge++) {
                    int other = forward.word(edge) & BlockIndex.MOST;
                    if (!isHeldByKnownAlone(other) && !counting.has(other)) {
                        counting.add(other);
                        waiting.push(other);
                    }
                }
            }
        }
        for (int number = 0; number < index.count(); number++) {
            int end = forward.end(number);
            for (int edge = forward.start(number); edge < end; edge++) {
                int other = forward.word(edge) & BlockIndex.MOST;
                if (knowsAlone(number, other)) {
                    forward.setWord(edge, WEAK << BlockIndex.KIND_SHIFT | other);
                }
            }
        }
    }

    /**
     * Has no word hold an object that only looks like a reference to it: all that its runtime counts are known to be
     * others. Such words are left over in free lists, in stacks and behind the ends of tables.
     */
    private void leaveOut(FoundReferences references, Rows forward) {
        try (BlockEdges edges = new BlockEdges(index)) {
            for (int node = 0; node < index.count() + groups.size(); node++) {
                if (!isGuess(node)) {
                    continue;
                }
                int end = forward.end(node);
                for (int edge = forward.start(node); edge < end; edge++) {
                    int other = forward.word(edge) & BlockIndex.MOST;
                    references.compare(other, edges);
                    if (references.complete(other)) {
                        forward.setWord(edge, WEAK << BlockIndex.KIND_SHIFT | other);
                    }
                }
            }
        }
    }

    /** Whether it is only by what its words look like that a node refers to others. */
    private boolean isGuess(int node) {
        return node < index.count()
                ? !known.has(node) && !index.reserved(node)
                : !groups.get(node - index.count()).category().exact();
    }

    /** Whether a block or a root can't keep a block alive. */
    boolean isWeak(int node, int other) {
        return isGuess(node) && found.isPresent() && found.get().complete(other)
                || node < index.count() && knowsAlone(node, other);
    }

    /** Whether a block can't keep another one alive, since nobody but it knows of its pointer. */
    private boolean knowsAlone(int number, int other) {
        return isHeldByKnownAlone(other) && !isHeldByKnownAlone(number) && !counting.has(number);
    }

    private boolean isHeldByKnownAlone(int number) {
        return heldByKnownAlone[index.heapNumber(number)];
    }

    /** What is done for a block. */
    @FunctionalInterface
    private interface Step {
        void of(BlockEdges edges, RowWriter writer, int number, long address);
    }

    private void inShares(Step step) {
        AtomicInteger next = new AtomicInteger();
        int shares = (index.count() + SHARE - 1) / SHARE;
        int threads = Math.max(1, Math.min(tables.options().threads(), shares));
        List<RowWriter> made = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            made.add(new RowWriter(tables));
        }
        writers.addAll(made);
        Crew.work("graph", threads, thread -> {
            try (BlockEdges edges = new BlockEdges(index)) {
                for (int share = next.getAndIncrement(); share < shares; share = next.getAndIncrement()) {
                    if (thread == 0) {
                        progress.run();
                    }
                    BlockIndex.Walk walk = index.new Walk(share * SHARE, Math.min(index.count(), (share + 1) * SHARE));
                    while (walk.next()) {
                        step.of(edges, made.get(thread), walk.number(), walk.address());
                    }
                }
                damaged.addAndGet(edges.damaged());
                unreadable.addAndGet(edges.unreadable());
            }
        });
    }

    private void tell(BlockEdges edges, RowWriter writer, int number) {
        boolean inRuntime = edges.inRuntime(number);
        if (!inRuntime && !edges.knowsBlocksOfAllocators()) {
            return;
        }
        writer.begin();
        boolean all = edges.known(number, (word, label) -> {
            writer.add(word);
            if (found.isPresent() && word >>> BlockIndex.KIND_SHIFT == REFERS) {
                found.get().addShared(word & BlockIndex.MOST);
            }
        });
        if (!all && writer.edgesOfRow() == 0) {
            if (inRuntime) {
                unsure.addShared(number);
            }
            return;
        }
        if (all) {
            for (int i = 0; i < writer.edgesOfRow(); i++) {
                if (writer.wordOfRow(i) >>> BlockIndex.KIND_SHIFT == OWNS) {
                    owned.addShared(writer.wordOfRow(i) & BlockIndex.MOST);
                }
            }
        } else {
            unsure.addShared(number);
            edges.guessed(number, index.address(number), (word, label) -> writer.add(word));
        }
        writer.end(number);
        known.addShared(number);
    }

    private void guess(BlockEdges edges, RowWriter writer, int number, long address) {
        if (known.has(number) || index.reserved(number)) {
            return;
        }
        writer.begin();
        boolean isOwned = owned.has(number);
        edges.guessed(number, address, (word, label) -> {
            if (!isOwned || !isKnown(edges, word & BlockIndex.MOST)) {
                writer.add(word);
            }
        });
        writer.end(number);
    }

    /** Whether a block is an object of a runtime. */
    private boolean isKnown(BlockEdges edges, int number) {
        return known.has(number) || edges.inRuntime(number);
    }

    private void addRoots(String owner, RootSource source, RowWriter writer, boolean own) {
        for (RootCategory category : source.categories()) {
            writer.begin();
            source.roots(category, (address, of, label) -> {
                int target = index.target(address);
                if (target == BlockIndex.NONE) {
                    return;
                }
                int block = target & BlockIndex.MOST;
                if (own && category.exact()) {
                    found.ifPresent(references -> references.addShared(block));
                }
                writer.add(own || !isHeldByKnownAlone(block) ? target : WEAK << BlockIndex.KIND_SHIFT | block);
            });
            end(new RootGroup(owner, category), source, writer);
        }
    }

    /** What heaps have for themselves lasts as long as they do. */
    private void addReserved(RowWriter writer) {
        for (int heap = 0; heap < index.heaps().size(); heap++) {
            writer.begin();
            for (int number = 0; number < index.count(); number++) {
                if (index.reserved(number) && index.heapNumber(number) == heap) {
                    writer.add(OWNS << BlockIndex.KIND_SHIFT | number);
                }
            }
            if (writer.edgesOfRow() > 0) {
                end(new RootGroup(index.heaps().get(heap).name(), HeapGraph.BOOKKEEPING), null, writer);
            }
        }
    }

    private void end(RootGroup group, RootSource source, RowWriter writer) {
        writer.end(index.count() + groups.size());
        groups.add(group);
        rootSources.add(source);
    }
}
