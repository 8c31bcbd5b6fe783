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
import dev.heapwalk.python.layout.GcLayout;
import dev.heapwalk.python.layout.LeftoverLayout;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PymallocLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.TypeLayout;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * What blocks are that no object owns, as far as their own content tells: objects that are kept for later use, blocks
 * of numbers of 2.7, what the parser and the allocator have.
 */
final class Leftovers {
    private static final Set<String> NUMBERS = Set.of("__builtin__.int", "__builtin__.float", "__builtin__.bool");
    private static final Set<String> TUPLES = Set.of("__builtin__.tuple", "builtins.tuple");

    private final PythonRuntime runtime;
    private final PythonLayout layout;
    private final int[] distances;
    /** By the address of each type, one more than how many bytes lie before the fields of its objects. */
    private final LongTable before = new LongTable();
    /** By the address of each type, how large its objects are from their fields on, without items. */
    private final LongTable sizes = new LongTable();
    /** Types whose objects may be larger: those that have items, and those that programs make. */
    private final Set<Long> growing = new HashSet<>();
    /** The address of the type of tuples, 0 if it was not seen. */
    private long tuple;
    /** Where the tuple that was looked at last says that the next one is; 0 at the end of the list. */
    private long nextTuple;
    /** How many items that one has. */
    private long tupleItems;

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
            sizes.put(type, reader.field(type, TypeLayout.BASICSIZE) - shift);
            if (reader.field(type, TypeLayout.ITEMSIZE) != 0 || (flags & TypeLayout.HEAPTYPE) != 0) {
                growing.add(type);
            }
            String name = reader.typeNames().of(type).toString();
            names.put(type, name);
            if (TUPLES.contains(name)) {
                tuple = type;
            }
        }
    }

    /** What a block is; {@link Category#NONE} if it does not tell. */
    Category of(BlockView block, Window window, boolean pool) {
        long offset = window.find(block.address(), Math.min(block.usableSize(), LeftoverLayout.LOOKED_AT));
        Category found = offset < 0 ? Category.NONE : of(window.segment(), offset, block, pool);
        if (nextTuple == 0) {
            return found;
        }
        long next = window.find(nextTuple, LeftoverLayout.TUPLE_HEAD);
        return next >= 0 && isKept(window.segment(), next) ? found : Category.NONE;
    }

    /** What a block of another allocator than pymalloc is. */
    Category of(BlockView block, Reader memory) {
        long offset = memory.find(block.address(), Math.min(block.usableSize(), LeftoverLayout.LOOKED_AT));
        Category found = offset < 0 ? Category.NONE : of(memory.segment(), offset, block, false);
        if (nextTuple == 0) {
            return found;
        }
        long next = memory.find(nextTuple, LeftoverLayout.TUPLE_HEAD);
        return next >= 0 && isKept(memory.segment(), next) ? found : Category.NONE;
    }

    /** Whether the tuple that comes next in a list is one that is kept in the same list, of tuples of one length. */
    private boolean isKept(MemorySegment segment, long offset) {
        long fields = offset + layout.object().shift();
        return segment.get(Words.LONG, fields + ObjectLayout.TYPE) == tuple
                && segment.get(Words.LONG, fields + ObjectLayout.SIZE) == tupleItems
                && isUnused(segment, fields);
    }

    private Category of(MemorySegment segment, long offset, BlockView block, boolean pool) {
        nextTuple = 0;
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
        Category kept = kept(segment, offset + head, room, usable - head);
        return kept != Category.NONE || pool ? kept : ofMalloc(segment, offset + head, room, block.address() + head);
    }

    /**
     * An object without a reference, which its type keeps for the next that is made. What lay in the block before, and
     * was freed, may look like one: that seldom has the size of the block, and a tuple of it is in no list.
     */
    private Category kept(MemorySegment segment, long offset, long room, long usable) {
        for (int distance : distances) {
            if (distance + ObjectLayout.BYTES <= room) {
                long fields = offset + distance;
                long type = segment.get(Words.LONG, fields + ObjectLayout.TYPE);
                if (before.get(type, 0) == distance + 1
                        && isUnused(segment, fields)
                        && isUntracked(segment, fields, distance)
                        && fits(type, usable - distance)
                        && (type != tuple || isListed(segment, fields, room - distance, usable - distance))) {
                    return free.computeIfAbsent(type, of -> TypeUses.category("free list", names.get(of)));
                }
            }
        }
        return Category.NONE;
    }

    /** Whether an object has no references, or the link of a list in place of them. */
    private boolean isUnused(MemorySegment segment, long fields) {
        long count = layout.object().references(segment, fields);
        return count == 0 || layout.object().linksKept() && (count & 7) == 0;
    }

    /** Whether the collector does not know an object, as it is with all that are kept, or has no head before it. */
    private boolean isUntracked(MemorySegment segment, long fields, int distance) {
        int head = layout.object().gcHead();
        return head == 0 || distance < head || segment.get(Words.LONG, fields - head + GcLayout.NEXT) == 0;
    }

    /** Whether a block is as large as an object of a type needs it, from its fields on. */
    private boolean fits(long type, long bytes) {
        long size = sizes.get(type, 0);
        return bytes >= size && (growing.contains(type) || bytes <= LeftoverLayout.most(size));
    }

    /** Whether a tuple is as long as those that are kept, and of the size of its block; notes which one comes next. */
    private boolean isListed(MemorySegment segment, long fields, long room, long bytes) {
        int items = layout.sequence().tupleItems();
        if (items + Long.BYTES > room) {
            return false;
        }
        long count = segment.get(Words.LONG, fields + ObjectLayout.SIZE);
        if (count <= 0 || count > LeftoverLayout.LONGEST_TUPLE) {
            return false;
        }
        long size = items + count * Long.BYTES;
        tupleItems = count;
        nextTuple = segment.get(Words.LONG, fields + layout.sequence().tupleNext());
        return bytes >= size && bytes <= LeftoverLayout.most(size);
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
