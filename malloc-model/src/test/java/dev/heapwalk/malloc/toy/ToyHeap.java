// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc.toy;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.heap.HeapProvider;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.Source;
import dev.heapwalk.heap.Table;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.CategorizerProvider;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.Domain;
import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.memory.Window;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/**
 * The heap of {@link ToyProgram}, as somebody else would add one: it uses what is public, and nothing of ours knows it.
 */
final class ToyHeap implements Heap {
    static final Domain DOMAIN = new Domain("toy");
    private static final long HEADER = 16;
    private static final List<String> NAMES = List.of("TAKEN", "HOLE");

    private final Target target;
    private final long arena;
    private final long end;
    /** How many look-ups were made and are not closed. */
    int openLookups;

    private ToyHeap(Target target, long arena) {
        this.target = target;
        this.arena = arena;
        this.end = arena + target.memory().readLong(arena + 16);
    }

    /** Finds it by the program's symbol. */
    public static final class Provider implements HeapProvider {
        /** For the service loader. */
        public Provider() {}

        @Override
        public Class<ToyHeap> type() {
            return ToyHeap.class;
        }

        @Override
        public HeapLayer layer() {
            return HeapLayer.RUNTIME;
        }

        private static OptionalLong variable(Target target) {
            return target.modules().getFirst().symbol("toy_arena");
        }

        @Override
        public boolean isLikely(Target target) {
            return variable(target).isPresent();
        }

        @Override
        public Heap locate(Target target) {
            AddressSpace memory = target.memory();
            long arena = memory.readLong(variable(target).orElseThrow());
            if (arena == 0 || memory.readLong(arena) != 0x594f54) {
                throw new UnsupportedTargetException("no toy in " + target.description());
            }
            return new ToyHeap(target, arena);
        }
    }

    /** Names its blocks by their letters. */
    public static final class Letters implements CategorizerProvider {
        /** For the service loader. */
        public Letters() {}

        @Override
        public Categorizer categorizer(Heaps heaps) {
            if (heaps.find(ToyHeap.class).isEmpty()) {
                return Categorizer.NONE;
            }
            Map<Long, Category> letters = new HashMap<>();
            return (block, window) -> letter(block, window, letters);
        }

        private static Category letter(BlockView block, Window window, Map<Long, Category> letters) {
            if (!block.name().equals("TAKEN")) {
                return Category.NONE;
            }
            long offset = window.require(block.address() - 8, 8);
            long letter = window.segment().get(ValueLayout.JAVA_LONG_UNALIGNED, offset);
            return letters.computeIfAbsent(
                    letter, added -> new Category(DOMAIN, String.valueOf((char) (long) added), ""));
        }
    }

    @Override
    public Target target() {
        return target;
    }

    @Override
    public String name() {
        return "the toy's arena";
    }

    @Override
    public HeapLayer layer() {
        return HeapLayer.RUNTIME;
    }

    @Override
    public BlockCursor blocks() {
        return new Cursor();
    }

    @Override
    public BlockCursor blocks(int region) {
        throw new IndexOutOfBoundsException(region);
    }

    @Override
    public BlockLookup lookup() {
        openLookups++;
        return new Lookup();
    }

    @Override
    public boolean manages(BlockView outer) {
        return outer.address() == arena;
    }

    @Override
    public List<String> names() {
        return NAMES;
    }

    @Override
    public Table regions() {
        return Table.EMPTY;
    }

    @Override
    public List<Evidence> evidence() {
        return List.of(Evidence.of("arena", "0x%x".formatted(arena), "the symbol toy_arena", Source.SYMBOL));
    }

    @Override
    public List<Damage> damage() {
        return List.of();
    }

    @Override
    public Heap refresh() {
        return new ToyHeap(target, arena);
    }

    private class View implements BlockView {
        /** Where the header of the block is. */
        long at;

        long length;
        boolean free;

        boolean take(long header) {
            if (header >= end) {
                return false;
            }
            at = header;
            length = target.memory().readInt(header);
            free = target.memory().readInt(header + 4) != 0;
            return true;
        }

        @Override
        public long address() {
            return at + HEADER;
        }

        @Override
        public long size() {
            return length;
        }

        @Override
        public long usableSize() {
            return length - HEADER;
        }

        @Override
        public BlockState state() {
            return free ? BlockState.FREE : BlockState.USED;
        }

        @Override
        public int nameIndex() {
            return free ? 1 : 0;
        }

        @Override
        public String name() {
            return NAMES.get(nameIndex());
        }

        @Override
        public int region() {
            return -1;
        }

        @Override
        public boolean ownMapping() {
            return false;
        }

        @Override
        public String toString() {
            return Block.describe(this);
        }
    }

    private final class Cursor extends View implements BlockCursor {
        private long following = arena + 32;

        @Override
        public boolean next() {
            boolean found = take(following);
            following += found ? length : 0;
            return found;
        }

        @Override
        public void rewind() {
            following = arena + 32;
        }

        @Override
        public long walkedBytes() {
            return following - arena;
        }

        @Override
        public long totalBytes() {
            return end - arena;
        }

        @Override
        public List<Damage> damage() {
            return List.of();
        }
    }

    private final class Lookup extends View implements BlockLookup {
        @Override
        public void close() {
            openLookups--;
        }

        @Override
        public boolean find(long address) {
            if (address < arena + 32) {
                return false;
            }
            for (long header = arena + 32; take(header); header += length) {
                if (address < header + length) {
                    return true;
                }
            }
            return false;
        }
    }
}
