// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.EdgeSource;
import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.RootSource;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Table;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.Domain;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.Arena;
import dev.heapwalk.python.PymallocPart;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.layout.PymallocLayout;
import dev.heapwalk.python.layout.PythonLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What CPython's allocator for small blocks has, as a heap like others: the blocks of its pools, in use and free, and
 * all that lies between them, so that the blocks of an arena add up to its size. Arenas lie in mappings of their own,
 * or in blocks of {@code malloc} where a program has said so. Of several interpreters with an allocator each, this is
 * all of them.
 *
 * <p>Where objects are in blocks of {@code malloc} alone ({@code PYTHONMALLOC=malloc}), it has no blocks, and a notice
 * says so.
 */
public final class PythonHeap implements Heap {
    /** The domain of all that CPython has. */
    public static final Domain DOMAIN = new Domain("python");

    private static final List<String> NAMES =
            Arrays.stream(PymallocPart.values()).map(PythonHeap::nameOf).toList();

    private final PythonRuntime runtime;
    /** For {@link #blockAt}; null until that is asked. */
    private PartLookup shared;

    /**
     * Makes the heap of a runtime.
     *
     * @param runtime a runtime that was located
     */
    public PythonHeap(PythonRuntime runtime) {
        this.runtime = Objects.requireNonNull(runtime);
    }

    /** What a part is called: the parts that programs have as in other heaps, the others by themselves. */
    static String nameOf(PymallocPart part) {
        return switch (part) {
            case USED_BLOCK -> "USED";
            case FREE_BLOCK -> "FREE";
            case UNTOUCHED_BLOCK -> "UNTOUCHED";
            default -> part.name();
        };
    }

    /** How much of a used block lies before what was asked for. */
    static int debugHead(PythonRuntime runtime) {
        return runtime.debugHeads() ? PymallocLayout.DEBUG_HEAD : 0;
    }

    /** How much of a used block lies around what was asked for. */
    static int debugBytes(PythonRuntime runtime) {
        return runtime.debugHeads()
                ? PymallocLayout.DEBUG_HEAD
                        + PythonLayout.of(runtime.series(), runtime.freeThreaded())
                                .pymalloc()
                                .debugTail()
                : 0;
    }

    /**
     * What knows what the blocks of this heap and of others are that Python's objects lie in or own: objects by their
     * types, the elements of lists, the keys and values of dictionaries, and what the objects of C extensions lead to.
     * All objects are looked at when it is first asked.
     *
     * @param heaps the heaps of the same target
     * @return a new categorizer, for one thread
     */
    public Categorizer ownedBlocks(Heaps heaps) {
        return new BlockUses(runtime, heaps);
    }

    /**
     * The runtime.
     *
     * @return the runtime, which knows more of its memory
     */
    public PythonRuntime runtime() {
        return runtime;
    }

    @Override
    public Target target() {
        return runtime.target();
    }

    @Override
    public String name() {
        return "CPython";
    }

    @Override
    public HeapLayer layer() {
        return HeapLayer.RUNTIME;
    }

    @Override
    public BlockCursor blocks() {
        return new PartBlocks(runtime);
    }

    /**
     * {@inheritDoc}
     *
     * @param region the index of an arena
     */
    @Override
    public BlockCursor blocks(int region) {
        return new PartBlocks(
                runtime, Objects.checkIndex(region, runtime.arenas().size()));
    }

    @Override
    public BlockLookup lookup() {
        return new PartLookup(runtime);
    }

    @Override
    public synchronized Optional<Block> blockAt(long address) {
        if (shared == null) {
            shared = new PartLookup(runtime);
        }
        return shared.find(address) ? Optional.of(Block.of(shared)) : Optional.empty();
    }

    /**
     * {@inheritDoc} Objects in blocks of the program's allocators have edges as well: it knows these blocks by the
     * addresses that their heap tells.
     */
    @Override
    public Optional<EdgeSource> edges() {
        return Optional.of(new ObjectEdges(runtime));
    }

    @Override
    public Optional<RootSource> roots() {
        return Optional.of(new ObjectRoots(runtime));
    }

    @Override
    public boolean manages(BlockView outer) {
        return outer.usableSize() >= runtime.arenaSize() && runtime.isArena(outer.address());
    }

    @Override
    public List<String> names() {
        return NAMES;
    }

    /** {@inheritDoc} The arenas. */
    @Override
    public Table regions() {
        return new Arenas(runtime.arenas(), runtime.arenaSize());
    }

    private record Arenas(List<Arena> arenas, int arenaSize) implements Table {
        private static final List<Column> COLUMNS = List.of(
                Column.id("Arena", "arena"),
                Column.address("Address", "address"),
                Column.bytes("Size", "size"),
                Column.sum("Pools", "pools"),
                Column.sum("Free pools", "free_pools"));

        @Override
        public List<Column> columns() {
            return COLUMNS;
        }

        @Override
        public void rows(RowSink sink) {
            for (int number = 0; number < arenas.size(); number++) {
                Arena arena = arenas.get(number);
                sink.number(number);
                sink.address(arena.address());
                sink.number(arenaSize);
                sink.number(arena.totalPools());
                sink.number(arena.freePools());
                sink.end();
            }
        }
    }

    @Override
    public List<Evidence> evidence() {
        return runtime.evidence();
    }

    @Override
    public List<Damage> damage() {
        return List.of();
    }

    @Override
    public List<String> notices() {
        return runtime.pymallocs().isEmpty()
                ? List.of("%s has no arenas of its own: its objects are in blocks of %s"
                        .formatted(this, runtime.freeThreaded() ? "its copy of mimalloc" : "malloc"))
                : List.of();
    }

    @Override
    public PythonHeap refresh() {
        PythonRuntime now = runtime.refresh();
        return now == runtime ? this : new PythonHeap(now);
    }

    @Override
    public String toString() {
        return "%s %s in %s".formatted(name(), runtime.version(), target().description());
    }
}
