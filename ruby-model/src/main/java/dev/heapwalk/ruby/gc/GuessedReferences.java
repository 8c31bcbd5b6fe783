// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.EdgeSink;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.Label;
import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.TouchedPages;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.ruby.HeapPages;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.object.RData;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;

/**
 * What an object of a C extension may refer to, where only the extension's own code knows: whatever looks like a
 * reference in the memory that the object has of an allocator, and in all that this memory points to, near things
 * first. Where that is the memory of another object, that object is taken for referred to and answers for what lies
 * behind: for what the data of another extension's object points to, and for all that is in the elements, bytes, tables
 * or instance variables of Ruby's own objects. Words whose lowest or uppermost bits say something else are taken for
 * pointers too, and pointers may lead into the middle of a block. So what is stored as an address is found, but there
 * may be more than the extension marks: what it only knows, and what it only points to.
 *
 * <p>A block is read once, however many objects lead to it, and what was found in it is kept. An object may come to any
 * number of blocks that none came to before it, and to {@value #MOST_AGAIN} others: the time for all is that for the
 * memory and for the objects, and not for one times the other. Once it has come to a hundred thousand blocks no others
 * are followed for it. What is kept takes 60 MB at most, and a bit for each slot of the heap.
 *
 * <p>Nothing is brought back from swap for this, and no page is looked at that was never touched. For one thread.
 */
public final class GuessedReferences implements AutoCloseable {
    private static final Label LABEL = text -> text.append("(guessed)");

    /** How many blocks are gone through once more for an object. */
    private static final int MOST_AGAIN = 512;
    /** What is searched where no allocator tells the size, in bytes. */
    private static final int WITHOUT_SIZE = 1 << 10;
    /** The most that is searched of a block, in bytes. */
    private static final long MOST_OF_BLOCK = 64L << 20;
    /** So many blocks and words are remembered. */
    private static final int MOST_BLOCKS = 1 << 16;

    private static final int MOST_WORDS = 1 << 19;
    /** The most that is searched of all, in bytes: then what is left is taken as searched before. */
    private static final long MOST_SEARCHED = 4L << 30;

    private static final int PIECE = Window.MAX_LENGTH / 16;

    private final ObjectReader reader;
    private final HeapPages pages;
    private final Heaps heaps;
    private final DataOwners owners;
    private final AddressSpace memory;
    private final Marking mark;
    private final Window window;
    private final TouchedPages touched;
    private final long[] piece = new long[PIECE];

    /** The number of each block that was come to, by its address. */
    private final LongTable numbers = new LongTable();
    /** Where it is, how much of it is searched, and for which object it was come to last. */
    private long[] starts = new long[64];

    private long[] lengths = new long[64];
    private int[] visits = new int[64];
    /** Where in {@link #words} is what it holds: numbers of slots, then of blocks; -1 before it was searched. */
    private int[] references = new int[64];

    private int[] pointers = new int[64];
    private int[] ends = new int[64];
    /** The object whose data it is, 0 if there is none; known once it was searched. */
    private long[] holders = new long[64];

    private int blockCount;
    private final IntPieces words = new IntPieces();

    private final SlotNumbers slots;
    private final SlotSet told;
    private int[] queue = new int[64];
    private int queued;
    private int visit;
    private long searched;
    /** The blocks of the allocators; null until one is asked for, empty if no allocator is known. */
    private Optional<BlockLookup> blocks;

    /**
     * Makes one that has searched nothing yet.
     *
     * @param reader what follows the pointers
     * @param heaps the heaps of the target, of which the allocators may be asked for the sizes of blocks
     * @param owners tells which objects have which memory
     */
    public GuessedReferences(ObjectReader reader, Heaps heaps, DataOwners owners) {
        this.reader = reader;
        this.pages = reader.vm().pages();
        this.heaps = heaps;
        this.owners = owners;
        this.memory = reader.memory().memory();
        this.mark = new Marking(reader);
        this.slots = new SlotNumbers(pages);
        this.told = new SlotSet(slots);
        this.window = memory.residentWindow();
        this.touched = memory.touched();
    }

    /**
     * Gives what an object may refer to, each object once.
     *
     * @param object an object whose references are not known; the view is not needed afterwards
     * @param to takes the references
     */
    public void of(RData object, EdgeSink to) {
        long self = object.address();
        long at = object.data();
        boolean embedded = object.embedded();
        long end = self + object.slotSize();
        if (at == 0 || (at & 7) != 0) {
            return;
        }
        if (blockCount > MOST_BLOCKS || words.size() > MOST_WORDS) {
            forget();
        }
        visit++;
        queued = 0;
        told.clear();
        if (mark.isObject(at)) {
            // The data is itself a reference.
            tell(slots.of(at), to);
            return;
        }
        int first = embedded ? add(at, end - at) : block(at);
        if (first < 0) {
            long length = memory.mappings().readableEnd(at, at + WITHOUT_SIZE) - at;
            first = length > 0 ? add(at, length) : -1;
        }
        if (first < 0) {
            return;
        }
        come(first);
        int again = 0;
        for (int next = 0; next < queued; next++) {
            int number = queue[next];
            if (references[number] < 0) {
                search(number);
                again += searched > MOST_SEARCHED ? 1 : 0;
            } else {
                again++;
            }
            for (int i = references[number]; i < pointers[number]; i++) {
                tell(words.get(i), to);
            }
            long holder = holders[number];
            if (holder != 0 && holder != self) {
                tell(slots.of(holder), to);
                continue;
            }
            for (int i = pointers[number]; i < ends[number]; i++) {
                come(words.get(i));
            }
            if (again > MOST_AGAIN || full()) {
                return;
            }
        }
    }

    /** Whether nothing more is followed for an object. What comes next begins with nothing remembered. */
    private boolean full() {
        return blockCount >= 2 * MOST_BLOCKS || words.size() >= 2 * MOST_WORDS;
    }

    private void tell(int slot, EdgeSink to) {
        if (slot >= 0 && told.add(slot)) {
            to.edge(slots.address(slot), EdgeKind.REFERS, LABEL);
        }
    }

    private void forget() {
        numbers.clear();
        blockCount = 0;
        // There may be more in a block of nothing but references.
        words.clear(2 * MOST_WORDS);
    }

    private void come(int number) {
        if (visits[number] == visit) {
            return;
        }
        visits[number] = visit;
        if (queued == queue.length) {
            queue = Arrays.copyOf(queue, 2 * queued);
        }
        queue[queued++] = number;
    }

    /** Keeps the references and pointers of a block: of what Ruby gave an object, that object alone. */
    private void search(int number) {
        long start = starts[number];
        long end = start + lengths[number];
        references[number] = words.size();
        holders[number] = owners.ofData(start);
        long owner = holders[number] == 0 ? owners.ofBuffer(start) : 0;
        if (owner != 0) {
            if (mark.isObject(owner)) {
                keepSlot(owner);
            }
            pointers[number] = words.size();
            ends[number] = words.size();
            return;
        }
        // Twice: what is kept of a kind lies together.
        words(start, end, true);
        pointers[number] = words.size();
        words(start, end, false);
        ends[number] = words.size();
        searched += lengths[number];
    }

    private void words(long start, long end, boolean asReferences) {
        for (long at = touched.next(start, end) & -Long.BYTES; at < end; ) {
            at = Math.max(at, start);
            int length = (int) Math.min(PIECE, (end - at) / Long.BYTES);
            if (length == 0) {
                return;
            }
            long offset = window.find(at, (long) length * Long.BYTES);
            long next = at + (long) length * Long.BYTES;
            if (offset < 0) {
                next = Math.max(at + Long.BYTES, Math.min(next, window.missing() + Long.BYTES & -Long.BYTES));
                at = touched.next(next, end) & -Long.BYTES;
                continue;
            }
            MemorySegment.copy(window.segment(), Words.LONG, offset, piece, 0, length);
            for (int i = 0; i < length; i++) {
                word(piece[i], asReferences);
            }
            at = next < end ? touched.next(next, end) & -Long.BYTES : end;
        }
    }

    private void word(long word, boolean asReference) {
        // Without what the bits say that no address needs.
        long address = word << Short.SIZE >>> Short.SIZE & -Long.BYTES;
        if (address < WITHOUT_SIZE) {
            return;
        }
        boolean slot = reader.isSlot(address);
        if (asReference) {
            if (slot && mark.isObject(address)) {
                keepSlot(address);
            }
        } else if (!slot && !full() && memory.mappings().writable(address, 1)) {
            int number = block(address);
            if (number >= 0) {
                words.add(number);
            }
        }
    }

    private void keepSlot(long address) {
        int slot = slots.of(address);
        if (slot >= 0) {
            words.add(slot);
        }
    }

    /** The number of the block in use that an address lies in; -1 if it lies in none. */
    private int block(long address) {
        int known = (int) numbers.get(address, -1);
        if (known >= 0) {
            return known;
        }
        BlockLookup block = blocks().orElse(null);
        if (block == null
                || pages.slotAround(address) != 0
                || !block.find(address)
                || block.state() != BlockState.USED) {
            return -1;
        }
        long start = block.address();
        known = (int) numbers.get(start, -1);
        if (known >= 0) {
            return known;
        }
        // Ruby's own pages lie in blocks of their own.
        int page = pages.at(start);
        return page >= 0 && pages.body(page) == start ? -1 : add(start, block.usableSize());
    }

    private int add(long start, long length) {
        int number = blockCount++;
        if (number == starts.length) {
            starts = Arrays.copyOf(starts, 2 * number);
            lengths = Arrays.copyOf(lengths, 2 * number);
            visits = Arrays.copyOf(visits, 2 * number);
            references = Arrays.copyOf(references, 2 * number);
            pointers = Arrays.copyOf(pointers, 2 * number);
            ends = Arrays.copyOf(ends, 2 * number);
            holders = Arrays.copyOf(holders, 2 * number);
        }
        starts[number] = start;
        lengths[number] = Math.min(length, MOST_OF_BLOCK);
        visits[number] = 0;
        references[number] = -1;
        numbers.put(start, number);
        return number;
    }

    private Optional<BlockLookup> blocks() {
        if (blocks == null) {
            try {
                blocks = Optional.of(heaps.allocators().lookup());
            } catch (UnsupportedTargetException e) {
                blocks = Optional.empty();
            }
        }
        return blocks;
    }

    /** Frees the buffers. After it nothing can be guessed. */
    @Override
    public void close() {
        window.close();
        if (blocks != null) {
            blocks.ifPresent(BlockLookup::close);
        }
    }
}
