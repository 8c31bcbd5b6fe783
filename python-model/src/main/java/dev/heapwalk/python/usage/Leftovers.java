// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.python.Arena;
import dev.heapwalk.python.ObjectCursor;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.Pymalloc;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.layout.LeftoverLayout;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PymallocLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.TypeLayout;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * What blocks are that no object owns, as far as their own content tells: objects that are kept for later use, blocks
 * of numbers of 2.7, what the parser and the allocator have.
 */
final class Leftovers {
    private static final Set<String> NUMBERS = Set.of("__builtin__.int", "__builtin__.float", "__builtin__.bool");

    private final PythonRuntime runtime;
    private final PythonLayout layout;
    private final int[] distances;
    /** By the address of each type, one more than how many bytes lie before the fields of its objects. */
    private final LongTable before = new LongTable();

    private final Map<Long, Category> free = new HashMap<>();
    private final Map<Long, String> names = new HashMap<>();
    private final Map<Long, Category> numbers = new HashMap<>();
    private final Category freeNumbers = TypeUses.category("numbers", "free");
    private final Category arenaTable = TypeUses.category("pymalloc", "table of arenas");
    private final Category arenaMap = TypeUses.category("pymalloc", "map of arenas");
    private final Category parser = TypeUses.category("interpreter", "memory of the parser");

    Leftovers(PythonRuntime runtime, ObjectReader reader, ObjectCursor object) {
        this.runtime = runtime;
        this.layout = PythonLayout.of(runtime.series(), runtime.freeThreaded());
        int shift = layout.object().shift();
        int head = layout.object().gcHead() + shift;
        this.distances = layout.object().preHeaderFlags() == 0
                ? new int[] {head, 0}
                : new int[] {head, head + ObjectLayout.PRE_HEADER, shift + ObjectLayout.PRE_HEADER, shift};
        for (int i = 0; i < object.typeCount(); i++) {
            long type = object.typeAt(i);
            long flags = reader.flags(type);
            int bytes = ((flags & TypeLayout.HAVE_GC) != 0 ? head : shift)
                    + ((flags & layout.object().preHeaderFlags()) != 0 ? ObjectLayout.PRE_HEADER : 0);
            before.put(type, bytes + 1L);
            names.put(type, reader.typeNames().of(type).toString());
        }
    }

    /** What a block is; {@link Category#NONE} if it does not tell. */
    Category of(BlockView block, Window window, boolean pool) {
        long offset = window.find(block.address(), Math.min(block.usableSize(), LeftoverLayout.LOOKED_AT));
        return offset < 0 ? Category.NONE : of(window.segment(), offset, block, pool);
    }

    /** What a block of another allocator than pymalloc is. */
    Category of(BlockView block, Reader memory) {
        long offset = memory.find(block.address(), Math.min(block.usableSize(), LeftoverLayout.LOOKED_AT));
        return offset < 0 ? Category.NONE : of(memory.segment(), offset, block, false);
    }

    private Category of(MemorySegment segment, long offset, BlockView block, boolean pool) {
        long usable = block.usableSize();
        long head = 0;
        if (!pool && runtime.debugHeads()) {
            while (head + 2 * PymallocLayout.DEBUG_HEAD <= usable
                    && head < 2 * PymallocLayout.DEBUG_HEAD
                    && PymallocLayout.isDebugHead(
                            segment.get(Words.LONG, offset + head),
                            segment.get(Words.LONG, offset + head + PymallocLayout.DEBUG_LETTER))) {
                head += PymallocLayout.DEBUG_HEAD;
            }
        }
        // No more than what was made readable.
        long room = Math.min(usable, LeftoverLayout.LOOKED_AT) - head;
        Category kept = kept(segment, offset + head, room);
        return kept != Category.NONE || pool ? kept : ofMalloc(segment, offset + head, room, block.address() + head);
    }

    /** An object without a reference, which its type keeps for the next that is made. */
    private Category kept(MemorySegment segment, long offset, long room) {
        for (int distance : distances) {
            if (distance + ObjectLayout.BYTES <= room) {
                long type = segment.get(Words.LONG, offset + distance + ObjectLayout.TYPE);
                long count = layout.object().references(segment, offset + distance);
                if (before.get(type, 0) == distance + 1
                        && (count == 0 || layout.object().linksKept() && (count & 7) == 0)) {
                    return free.computeIfAbsent(type, of -> TypeUses.category("free list", names.get(of)));
                }
            }
        }
        return Category.NONE;
    }

    private Category ofMalloc(MemorySegment segment, long offset, long usable, long address) {
        if (usable >= LeftoverLayout.PARSER_HEAD
                && segment.get(Words.LONG, offset + LeftoverLayout.PARSER_MEMORY)
                        == address + LeftoverLayout.PARSER_HEAD
                && segment.get(Words.LONG, offset + LeftoverLayout.PARSER_SIZE) > 0
                && segment.get(Words.LONG, offset + LeftoverLayout.PARSER_OFFSET)
                        <= segment.get(Words.LONG, offset + LeftoverLayout.PARSER_SIZE)) {
            return parser;
        }
        return layout.number().smallFlag() != 0 && LeftoverLayout.mayHaveNumbers(usable)
                ? numbers(segment, offset)
                : Category.NONE;
    }

    /**
     * A block with numbers of 2.7, each of a few words; free ones have no reference, and a link to another in place of
     * their type.
     */
    private Category numbers(MemorySegment segment, long offset) {
        Category found = freeNumbers;
        boolean linked = false;
        for (int i = 0; i < LeftoverLayout.NUMBERS; i++) {
            long at = offset + LeftoverLayout.FIRST_NUMBER + (long) i * LeftoverLayout.NUMBER_BYTES;
            long type = segment.get(Words.LONG, at + ObjectLayout.TYPE);
            boolean used = segment.get(Words.LONG, at + ObjectLayout.REFCNT) != 0;
            String name = used ? names.get(type) : "";
            if (name == null || !used && (type & 7) != 0) {
                return Category.NONE;
            }
            linked |= !used && type != 0;
            if (used && found == freeNumbers) {
                if (!NUMBERS.contains(name)) {
                    return Category.NONE;
                }
                found = numbers.computeIfAbsent(type, of -> TypeUses.category("numbers", name));
            }
        }
        return found != freeNumbers || linked ? found : Category.NONE;
    }

    /** Whether a block is the table of an allocator's arenas. */
    Category ofAllocator(BlockView block, Window window) {
        for (Pymalloc allocator : runtime.pymallocs()) {
            if (!allocator.arenas().isEmpty()) {
                Arena arena = allocator.arenas().getFirst();
                long at = block.address() + (long) arena.index() * PymallocLayout.ARENA_BYTES;
                if (at + Long.BYTES <= block.address() + block.usableSize()) {
                    long offset = window.find(at, Long.BYTES);
                    if (offset >= 0 && window.segment().get(Words.LONG, offset) == arena.address()) {
                        return arenaTable;
                    }
                }
            }
        }
        long usable = block.usableSize();
        return LeftoverLayout.isMap(usable) && isMap(block, window) ? arenaMap : Category.NONE;
    }

    /** Whether all words of a block are zero but for a few. */
    private static boolean isMap(BlockView block, Window window) {
        long end = block.address() + (block.usableSize() & -Long.BYTES);
        long filled = 0;
        for (long at = block.address(); at < end; at += LeftoverLayout.LOOKED_AT) {
            long bytes = Math.min(end - at, LeftoverLayout.LOOKED_AT);
            long offset = window.find(at, bytes);
            for (long i = 0; offset >= 0 && i < bytes; i += Long.BYTES) {
                filled += window.segment().get(Words.LONG, offset + i) == 0 ? 0 : 1;
            }
        }
        return filled > 0 && filled <= (end - block.address()) / Long.BYTES / LeftoverLayout.MAP_SPARSE;
    }
}
