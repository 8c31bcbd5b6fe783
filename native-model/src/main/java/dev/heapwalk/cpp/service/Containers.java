// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cpp.service;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.PointerScan;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Ranges;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.elf.ElfModule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Finds the containers of libstdc++ and libc++, wherever they lie: in objects, variables, on stacks. One pass goes
 * through all words that lead to a block, and takes for a container what has its shape: several words that fit
 * each other and the block. What it says of blocks further on, such as how many there are, must hold of them too, and
 * they must lead back to it.
 */
final class Containers {
    private static final int WORD = Long.BYTES;
    private static final int TOLD_AFTER = 1 << 14;
    /** No count of elements and no length is larger. */
    private static final long MOST = 1L << 40;
    /** A byte of malloc's takes 24, and 16 more where these would be left over, in bytes. */
    private static final int SLACK = 40;
    /** Where more than 16 bytes were asked for, malloc has so many more at most, and the other allocators too. */
    private static final int ROUNDED = 32;
    /** The header of a string that is shared: length, capacity, number of users. */
    private static final int SHARED_HEADER = 24;
    /** The shortest text that does not lie in a string of libstdc++ itself. */
    private static final long SHORTEST = 16;
    /** Strings from this length on may hold whatever they like, in bytes. Of shorter ones the beginning is looked at. */
    private static final long LONG = 64;

    private static final int LOOKED_AT = 16;
    /** A string of libstdc++ has as much room, in bytes. */
    private static final int STRING = 32;
    /** What a block of a deque of libc++ holds, but for the last part that is too small for an element, in bytes. */
    private static final long NEW_DEQUE_BLOCK = 4096;
    /** Elements that are larger than this have 16 to a block, in bytes. */
    private static final long LARGE_ELEMENT = 256;

    /** What a hash table's factor of load lies between: as a float a small number is next to nothing. */
    private static final float LEAST_LOAD = 0.01f;

    private static final float MOST_LOAD = 1000;

    /** How far before the last of its areas a buffer of a stream begins, in words. */
    private static final int FILE_BUFFER_WORDS = 5;

    private static final long CONTEXT_BUDGET = 1L << 20;
    private static final long FAR_BUDGET = 16L << 20;
    /** A hostile heap must not have all tables searched for each word: so many words are, in all. */
    private static final long MOST_SEARCHED = 1L << 28;

    /** What begins a list, a tree or a hash table, to be followed when all links are known. */
    private enum Shape {
        LIST,
        OLD_TREE,
        NEW_TREE,
        HASH
    }

    private final Target target;
    private final BlockTable blocks;
    private final Owned owned;
    private final Classes classes;
    private final Links links;
    /** Reads what lies near the word that is looked at. */
    private final Reader near;
    /** Reads what it leads to. */
    private final Reader far;

    private long searched;

    /** Of each begun container the address of its word, and the shape in the lowest bits. */
    private long[] begun = new long[64];

    private int begunCount;

    private Containers(Target target, BlockTable blocks, Links links, Classes classes) {
        this.target = target;
        this.blocks = blocks;
        this.owned = new Owned(blocks);
        this.classes = classes;
        this.links = links;
        this.near = target.memory().reader(CONTEXT_BUDGET, Window.MAX_LENGTH);
        this.far = target.memory().reader(FAR_BUDGET, target.pageSize());
    }

    /** Looks for all containers. */
    static Owned find(Heaps heaps, Classes classes, Runnable progress) {
        Target target = heaps.target();
        if (heaps.allocators().isEmpty()) {
            return Owned.NOTHING;
        }
        Optional<BlockTable> found = BlockTable.of(heaps, progress);
        if (found.isEmpty()) {
            return Owned.LEFT_OUT;
        }
        BlockTable blocks = found.get();
        if (blocks.count() == 0) {
            return Owned.NOTHING;
        }
        try (Links links = new Links(blocks.count())) {
            return find(new Containers(target, blocks, links, classes), progress);
        } catch (OutOfMemoryError e) {
            // What lies outside the JVM's heap has a limit of its own.
            return Owned.LEFT_OUT;
        }
    }

    private static Owned find(Containers containers, Runnable progress) {
        Target target = containers.target;
        BlockTable blocks = containers.blocks;
        try (PointerScan scan = target.memory().residentPointers(holders(target, blocks), blocks.runs())) {
            containers.look(scan, progress);
            containers.follow(progress);
            return containers.owned;
        } finally {
            containers.near.close();
            containers.far.close();
        }
    }

    /** Where containers may lie: in blocks, variables of modules and of threads, stacks. */
    private static Ranges holders(Target target, BlockTable blocks) {
        List<Range> all = new ArrayList<>();
        Ranges runs = blocks.runs();
        for (int i = 0; i < runs.count(); i++) {
            all.add(new Range(runs.start(i), runs.end(i)));
        }
        List<ElfModule> modules = target.modules();
        modules.forEach(module -> all.addAll(module.writableSegments()));
        if (target.still()) {
            List<ElfModule> withThreadVariables =
                    modules.stream().filter(module -> module.tlsSize() > 0).toList();
            for (ThreadState thread : target.threads()) {
                thread.stack().ifPresent(all::add);
                withThreadVariables.forEach(module -> thread.tls(module).ifPresent(all::add));
            }
        } else {
            target.memory().mappings().stream()
                    .filter(mapping -> mapping.path().equals("[stack]"))
                    .forEach(mapping -> all.add(new Range(mapping.start(), mapping.end())));
        }
        all.removeIf(range -> range.start() <= 0);
        all.sort(Comparator.comparingLong(Range::start));
        return Ranges.of(
                all.stream().mapToLong(Range::start).toArray(),
                all.stream().mapToLong(Range::end).toArray());
    }

    private void look(PointerScan scan, Runnable progress) {
        int steps = 0;
        long holderStart = 0;
        long holderEnd = 0;
        int holder = -1;
        int last = -1;
        Ranges runs = blocks.runs();
        while (scan.next()) {
            if (++steps % TOLD_AFTER == 0) {
                progress.run();
            }
            long at = scan.address();
            if (at < holderStart || at >= holderEnd) {
                holder = blocks.holding(at, last);
                last = holder < 0 ? last : holder;
                if (holder < 0 && runs.at(at) >= 0) {
                    // In a block that is free.
                    continue;
                }
                holderStart = holder < 0 ? at : blocks.start(holder);
                holderEnd = holder < 0 ? at + WORD : holderStart + blocks.usable(holder);
            }
            long value = scan.value();
            int block = blocks.upTo(value);
            if (block < 0) {
                continue;
            }
            long distance = value - blocks.start(block);
            if (distance == 0) {
                long offset = holder < 0 ? -1 : at - holderStart;
                if (offset >= 0 && offset < Links.WORDS * WORD) {
                    links.set(holder, (int) offset / WORD, block);
                }
                look(at, value, block, offset, holder < 0 ? Long.MAX_VALUE : holderEnd - at);
            } else if (distance == SHARED_HEADER && blocks.usable(block) > SHARED_HEADER) {
                sharedString(block);
            }
        }
    }

    /**
     * Looks at a word that leads to the beginning of a block.
     *
     * @param at the address of the word
     * @param value the word
     * @param block the block
     * @param offset where in its own block the word lies, -1 if in none
     * @param room how far that block reaches from there on
     */
    private void look(long at, long value, int block, long offset, long room) {
        newString(at, block, value, offset);
        if (room < 2 * WORD) {
            return;
        }
        long second = near.readLong(at + WORD, 0);
        newTree(at, value, second);
        if (room < 3 * WORD) {
            return;
        }
        long usable = blocks.usable(block);
        long third = near.readLong(at + 2 * WORD, 0);
        if (second >= value && third >= second && third > value && third - value <= usable) {
            pointers(at, value, block, second, third);
        }
        if (second >= 0 && second <= third && third >= SHORTEST && room >= STRING && isRoom(third + 1, usable)) {
            string(value, block, second);
        }
        if (second > 0 && second < MOST && fits(second * WORD, usable)) {
            hash(at, third);
            deque(at, value, block, second);
        }
        if (third > value && third - value <= usable) {
            bits(at, value, block, third);
        }
        if (third > 0 && third < MOST && second > usable && second <= third * Long.SIZE && fits(third * WORD, usable)) {
            // A vector of bits of libc++: more of them than the block has bytes, and how many words there are.
            owned.mark(block, Owned.VECTOR);
            owned.markBuffer(block);
        }
        if (third > 0 && third <= blocks.count() && offset != 0) {
            list(at, value, second);
        }
        oldTree(at, value, second, third);
        smallHash(at);
    }

    /** Whether a block may have been made for so many bytes: allocators round up. */
    private static boolean fits(long bytes, long usable) {
        return bytes <= usable && usable - bytes < Math.max(SLACK, usable >>> 2);
    }

    /** The same of what takes more than the smallest block of an allocator, and so has less left over. */
    private static boolean isRoom(long bytes, long usable) {
        return bytes <= usable && usable - bytes < Math.max(ROUNDED, usable >>> 2);
    }

    /** Three addresses in one block: of a vector, or of a deque of libc++, which has four. */
    private void pointers(long at, long value, int block, long second, long third) {
        long end = blocks.start(block) + blocks.usable(block);
        long fourth = near.readLong(at + 3 * WORD, 0);
        if (fourth >= third && fourth <= end && newDeque(at, value, block, second, third, fourth)) {
            return;
        }
        if (isFileBuffer(at)) {
            owned.mark(block, Owned.FILE_BUFFER);
            return;
        }
        if (!fits(third - value, blocks.usable(block))) {
            return;
        }
        owned.mark(block, Owned.VECTOR);
        if (third >= end || !classes.isInner(far.readLong(third, 0))) {
            owned.markBuffer(block);
        }
    }

    /**
     * Whether a word is the first of those that a stream's buffer has for reading or for writing: behind the virtual
     * table in libstdc++, behind that and the locale in libc++.
     */
    private boolean isFileBuffer(long at) {
        for (int distance = 1; distance <= FILE_BUFFER_WORDS; distance++) {
            if (distance != 3
                    && classes.of(near.readLong(at - distance * WORD, 0)).kind().contains("basic_filebuf<")) {
                return true;
            }
        }
        return false;
    }

    /** A vector of bits: two places, each by an address and a number of bits, and the end. */
    private void bits(long at, long value, int block, long last) {
        long end = near.readLong(at + 4 * WORD, 0);
        int lastBit = near.readInt(at + 3 * WORD, -1);
        if (near.readInt(at + WORD, -1) == 0
                && lastBit >= 0
                && lastBit < Long.SIZE
                && end >= last
                && fits(end - value, blocks.usable(block))) {
            owned.mark(block, Owned.VECTOR);
            owned.markBuffer(block);
        }
    }

    /** A list: one end, the other end, number; both ends lead back to it. */
    private void list(long at, long value, long second) {
        if (blocks.at(second) >= 0 && far.readLong(value + WORD, 0) == at && far.readLong(second, 0) == at) {
            begin(Shape.LIST, at);
        }
    }

    private void string(long value, int block, long length) {
        if (far.readByte(value + length, (byte) 1) == 0 && (length >= LONG || hasText(value, length))) {
            owned.mark(block, Owned.STRING);
        }
    }

    /**
     * Whether there is text in a short string. What such a one says of its block is little: two small numbers, the
     * second of which fits it, as there are of tables and what is in use of them. One that was cleared has its old text
     * but for the first byte.
     */
    private boolean hasText(long address, long length) {
        return length > 0 ? !hasZero(address, Math.min(length, LOOKED_AT)) : !hasZero(address + 1, WORD - 1);
    }

    private boolean hasZero(long address, long length) {
        for (long at = address; at < address + length; at++) {
            if (far.readByte(at, (byte) 0) == 0) {
                return true;
            }
        }
        return false;
    }

    /** A string of libc++: the size of its block with the lowest bit set, the length, the text. */
    private void newString(long at, int block, long value, long offset) {
        if (offset >= 0 && offset < 2 * WORD) {
            return;
        }
        long length = near.readLong(at - WORD, -1);
        if (length < 0 || length >= MOST) {
            return;
        }
        long size = near.readLong(at - 2 * WORD, 0) - 1;
        if (size > length && size % 16 == 0 && isRoom(size, blocks.usable(block))) {
            string(value, block, length);
        }
    }

    private void sharedString(int block) {
        long start = blocks.start(block);
        long usable = blocks.usable(block);
        if (owned.isMarked(block)) {
            return;
        }
        long length = far.readLong(start, -1);
        long capacity = far.readLong(start + WORD, -1);
        int users = far.readInt(start + 2 * WORD, -2);
        if (length >= 0
                && length <= capacity
                && capacity < usable
                && users >= -1
                && users < 1 << 24
                && fits(capacity + SHARED_HEADER + 1, usable)
                && far.readByte(start + SHARED_HEADER + length, (byte) 1) == 0) {
            owned.mark(block, Owned.SHARED_STRING);
        }
    }

    /** A deque of libstdc++: the table, its length, and two places, each by four addresses. */
    private void deque(long at, long value, int block, long length) {
        long first = near.readLong(at + 3 * WORD, 0);
        long size = near.readLong(at + 4 * WORD, 0) - first;
        long node = near.readLong(at + 5 * WORD, 0);
        long lastNode = near.readLong(at + 9 * WORD, 0);
        if (size <= 0
                || size >= MOST
                || node < value
                || lastNode < node
                || lastNode >= value + length * WORD
                || near.readLong(at + 7 * WORD, 0) != near.readLong(at + 8 * WORD, 0) - size
                || far.readLong(node, 0) != first
                || far.readLong(lastNode, 0) != near.readLong(at + 7 * WORD, 0)
                || near.readLong(at + 2 * WORD, 0) - first > size) {
            return;
        }
        if (areBlocks(node, lastNode + WORD, size)) {
            markDeque(block, node, lastNode + WORD);
        }
    }

    /** A deque of libc++: the table, its used part and its end, then the place of the first element and their number. */
    private boolean newDeque(long at, long value, int block, long begin, long end, long tableEnd) {
        if (begin >= end
                || ((begin | end | tableEnd) & WORD - 1) != 0
                || !fits(tableEnd - value, blocks.usable(block))) {
            return false;
        }
        long first = near.readLong(at + 4 * WORD, -1);
        long count = near.readLong(at + 5 * WORD, -1);
        long most = (end - begin) / WORD * NEW_DEQUE_BLOCK;
        if (first < 0 || count < 0 || first >= NEW_DEQUE_BLOCK || count > most - first) {
            return false;
        }
        if (!areBlocks(begin, end, NEW_DEQUE_BLOCK - LARGE_ELEMENT)) {
            return false;
        }
        markDeque(block, begin, end);
        return true;
    }

    private boolean areBlocks(long from, long to, long size) {
        for (long at = from; at < to; at += WORD) {
            if (++searched > MOST_SEARCHED) {
                return false;
            }
            int block = blocks.at(far.readLong(at, 0));
            if (block < 0 || blocks.usable(block) < size) {
                return false;
            }
        }
        return true;
    }

    private void markDeque(int table, long from, long to) {
        owned.mark(table, Owned.DEQUE_MAP);
        for (long at = from; at < to; at += WORD) {
            int block = blocks.at(far.readLong(at, 0));
            if (block >= 0) {
                owned.mark(block, Owned.DEQUE_BLOCK);
            }
        }
    }

    /** The header of a tree of libstdc++: colour, root, first and last, number; the root leads back to it. */
    private void oldTree(long at, long value, long first, long last) {
        if (near.readInt(at - WORD, -1) != 0 || blocks.at(first) < 0 || blocks.at(last) < 0) {
            return;
        }
        long count = near.readLong(at + 3 * WORD, 0);
        if (count > 0 && count <= blocks.count() && far.readLong(value + WORD, 0) == at - WORD) {
            begin(Shape.OLD_TREE, at);
        }
    }

    /** A tree of libc++: first, root, number; the root leads back to the middle word. */
    private void newTree(long at, long value, long count) {
        if (count > 0
                && count <= blocks.count()
                && blocks.at(near.readLong(at - WORD, 0)) >= 0
                && far.readLong(value + 2 * WORD, 0) == at) {
            begin(Shape.NEW_TREE, at);
        }
    }

    /** A hash table of either library: the table, its length, the first node, number, a factor as a float. */
    private void hash(long at, long first) {
        long count = near.readLong(at + 3 * WORD, -1);
        float load = Float.intBitsToFloat(near.readInt(at + 4 * WORD, 0));
        if (count < 0 || count > blocks.count() || !(load >= LEAST_LOAD && load < MOST_LOAD)) {
            return;
        }
        if (count > 0 ? blocks.at(first) >= 0 : first == 0) {
            begin(Shape.HASH, at + 2 * WORD);
        }
    }

    /** One of libstdc++ that has a single bucket, in itself, by the word that leads to its node. */
    private void smallHash(long at) {
        if (near.readLong(at - WORD, 0) == 1
                && near.readLong(at - 2 * WORD, 0) == at + 4 * WORD
                && near.readLong(at + 4 * WORD, 0) == at) {
            long count = near.readLong(at + WORD, 0);
            if (count > 0 && count <= blocks.count()) {
                begin(Shape.HASH, at);
            }
        }
    }

    private void begin(Shape shape, long at) {
        if (begunCount == begun.length) {
            begun = Arrays.copyOf(begun, begunCount + begunCount / 2);
        }
        begun[begunCount++] = at | shape.ordinal();
    }

    private void follow(Runnable progress) {
        Shape[] shapes = Shape.values();
        for (int i = 0; i < begunCount; i++) {
            if (i % TOLD_AFTER == 0) {
                progress.run();
            }
            follow(shapes[(int) begun[i] & WORD - 1], begun[i] & -WORD);
        }
        rings(progress);
    }

    private void follow(Shape shape, long at) {
        int block = blocks.at(near.readLong(at, 0));
        long next = near.readLong(at + WORD, 0);
        switch (shape) {
            case LIST -> {
                if (links.chain(block, near.readLong(at + 2 * WORD, 0), 0, 1)
                        && links.found(links.count() - 1) == blocks.at(next)) {
                    markFound(Owned.LIST_NODE);
                }
            }
            case OLD_TREE -> {
                if (block >= 0 && links.tree(block, near.readLong(at + 3 * WORD, 0), 2, 3, 1)) {
                    markFound(Owned.TREE_NODE);
                }
            }
            case NEW_TREE -> {
                if (block >= 0 && links.tree(block, next, 0, 1, 2)) {
                    markFound(Owned.TREE_NODE);
                }
            }
            case HASH -> followHash(at, next, block, blocks.at(near.readLong(at - 2 * WORD, 0)));
        }
    }

    private void markFound(int use) {
        for (int i = 0; i < links.count(); i++) {
            owned.mark(links.found(i), use);
        }
    }

    private void followHash(long before, long count, int node, int table) {
        if (table >= 0) {
            long length = Math.min(far.readLong(before - WORD, 0), blocks.usable(table) / WORD);
            if (!holds(blocks.start(table), length, count == 0 ? 0 : before, count == 0)) {
                return;
            }
        }
        if (count > 0) {
            searched += count;
            if (searched > MOST_SEARCHED
                    || !links.chain(node, count, 0, -1)
                    || far.readLong(blocks.start(links.found(links.count() - 1)), -1) != 0) {
                return;
            }
            markFound(Owned.HASH_NODE);
        }
        if (table >= 0) {
            owned.mark(table, Owned.HASH_BUCKETS);
        }
    }

    /** Whether a word of a table is this one, or all are. */
    private boolean holds(long table, long length, long word, boolean all) {
        for (long at = table; at < table + length * WORD; at += WORD) {
            if (++searched > MOST_SEARCHED) {
                return false;
            }
            if (far.readLong(at, -1) == word != all) {
                return !all;
            }
        }
        return all;
    }

    /** Lists that lie in a block of their own, at its beginning: one of the ring tells the number of the others. */
    private void rings(Runnable progress) {
        boolean[] seen = new boolean[blocks.count()];
        for (int block = 0; block < blocks.count(); block++) {
            if (block % TOLD_AFTER == 0) {
                progress.run();
            }
            if (seen[block] || owned.isMarked(block) || links.get(block, 0) < 0 || links.get(block, 1) < 0) {
                continue;
            }
            int length = 0;
            int at = block;
            boolean whole = true;
            do {
                seen[at] = true;
                length++;
                int next = links.get(at, 0);
                whole = next >= 0 && links.get(next, 1) == at;
                at = next;
            } while (whole && at != block && !seen[at]);
            if (whole && at == block && length > 1) {
                ring(block, length);
            }
        }
    }

    private void ring(int block, int length) {
        int head = -1;
        int at = block;
        do {
            if (blocks.usable(at) >= 3 * WORD && far.readLong(blocks.start(at) + 2 * WORD, -1) == length - 1) {
                head = at;
                if (blocks.usable(at) != blocks.usable(links.get(at, 0))) {
                    break;
                }
            }
            at = links.get(at, 0);
        } while (at != block);
        if (head >= 0) {
            links.chain(links.get(head, 0), length - 1, 0, 1);
            markFound(Owned.LIST_NODE);
        }
    }
}
