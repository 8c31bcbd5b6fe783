// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import dev.heapwalk.heap.Damage;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.RawMemory;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.python.layout.PymallocLayout;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Walks the arenas of an allocator in address order, part by part: each block, free ones too, and all that is no
 * block, so that the parts of an arena add up to its size. A flyweight that moves: it allocates nothing for a part, and
 * what it says is good until the next {@link #next()}. A pool that is damaged is told as one part, and the walk goes on
 * behind it.
 *
 * <p>A thread may have been stopped while it took a block of a pool or gave one back. Such a pool is not damaged: its
 * blocks are told as they will be or were, and one whose first block is just handed out is a free pool still, since
 * nobody has that block yet. A thread needs the lock of its interpreter for that, so there is one such pool for each
 * allocator, {@link #inFlux()}; any other that contradicts itself is damaged.
 *
 * <p>Its window's buffers are freed by {@link #close()}, or by the garbage collector if nobody closes it.
 */
public final class PymallocCursor implements AutoCloseable {
    private final Pymalloc allocator;
    private final List<Arena> arenas;
    private final Window window;
    private final int poolSize;
    /** A bit for each block of the pool that was given back. */
    private final long[] given;

    private final List<Damage> damages = new ArrayList<>();
    private int inFlux;

    private int index;
    private Arena arena;
    private long poolsEnd;
    private long arenaEnd;
    /** All parts before this address were told, but for the blocks of a pool. */
    private long at;

    // The blocks of the pool that is walked.
    private long pool;
    private long local;
    private int sizeClass;
    private int blockSize;
    private int blocks;
    private int block;
    private int handedOut;

    private PymallocPart part;
    private long address;
    private long size;

    PymallocCursor(Pymalloc allocator, Window window) {
        this.allocator = allocator;
        this.arenas = allocator.arenas();
        this.window = window;
        this.poolSize = allocator.poolSize();
        this.given = new long[poolSize / allocator.alignment() / Long.SIZE + 1];
        start();
    }

    private void start() {
        index = -1;
        at = 0;
        arenaEnd = 0;
        leavePool();
        address = 0;
        size = 0;
        damages.clear();
        inFlux = 0;
    }

    private void leavePool() {
        pool = 0;
        sizeClass = -1;
        blocks = 0;
        block = 0;
    }

    /**
     * How many bytes of the arenas lie before the end of the part.
     *
     * @return bytes
     */
    public long walkedBytes() {
        return index < 0
                ? 0
                : index >= arenas.size()
                        ? totalBytes()
                        : (long) index * allocator.arenaSize() + address + size - arena.address();
    }

    /**
     * How many bytes the arenas have in all.
     *
     * @return bytes
     */
    public long totalBytes() {
        return (long) arenas.size() * allocator.arenaSize();
    }

    /** Goes back before the first part, forgets damage, and reads a process that runs on again. */
    public void rewind() {
        window.forget();
        start();
    }

    /**
     * Moves to the next part.
     *
     * @return whether there is one
     */
    public boolean next() {
        if (block < blocks) {
            address = at + (long) block * blockSize;
            size = blockSize;
            part = block >= handedOut
                    ? PymallocPart.UNTOUCHED_BLOCK
                    : (given[block >>> 6] >>> block & 1) != 0 ? PymallocPart.FREE_BLOCK : PymallocPart.USED_BLOCK;
            block++;
            return true;
        }
        return leaveBlocks() || nextOfArena();
    }

    /** Behind the last block of a pool; tells what is left of the pool. */
    private boolean leaveBlocks() {
        if (blocks == 0) {
            return false;
        }
        at += (long) blocks * blockSize;
        long end = pool + poolSize;
        block = 0;
        blocks = 0;
        return at < end && tell(PymallocPart.POOL_REST, end);
    }

    /**
     * Moves to the header of the next pool in use, and leaves out all parts before it. Its blocks are told by {@link
     * #usedBlocks}, or one by one if {@link #next()} goes on.
     *
     * @return whether there is one
     */
    boolean nextPool() {
        if (pool != 0) {
            at = pool + poolSize;
        }
        do {
            if (!nextOfArena()) {
                return false;
            }
        } while (part != PymallocPart.POOL_HEADER);
        return true;
    }

    /** Where in local memory the first block of the pool in use is. That all shows the pool until the cursor moves. */
    long localBlocks() {
        return local + PymallocLayout.POOL_BYTES;
    }

    /** The size of the blocks of the pool in use, in bytes. */
    int blockSize() {
        return blockSize;
    }

    /** How many blocks of the pool in use were ever handed out. */
    int handedOut() {
        return handedOut;
    }

    /** Which blocks of the pool in use are used, of 64 from a multiple of 64 on: a bit each, the first is the lowest. */
    long usedBlocks(int first) {
        int behind = handedOut - first;
        return ~given[first >>> 6] & (behind < Long.SIZE ? (1L << behind) - 1 : -1);
    }

    private boolean nextOfArena() {
        leavePool();
        if (at == arenaEnd) {
            if (index + 1 >= arenas.size()) {
                index = arenas.size();
                address = 0;
                size = 0;
                return false;
            }
            enterArena(index + 1);
        }
        if (at < arena.firstPool()) {
            return tell(PymallocPart.ARENA_MARGIN, arena.firstPool());
        }
        if (at < arena.carved()) {
            return enterPool();
        }
        return at < poolsEnd ? tell(PymallocPart.UNCARVED, poolsEnd) : tell(PymallocPart.ARENA_MARGIN, arenaEnd);
    }

    /**
     * Moves to the part that an address lies in; {@link #next()} goes on from there. Forgets damage.
     *
     * @param wanted any target address
     * @return whether it lies in an arena; if not, the cursor is before the first part
     */
    public boolean find(long wanted) {
        start();
        int found = allocator.arenaAt(wanted);
        if (found < 0) {
            return false;
        }
        enterArena(found);
        if (wanted >= arena.firstPool() && wanted < arena.carved()) {
            at = wanted & -(long) poolSize;
        } else if (wanted >= poolsEnd) {
            at = poolsEnd;
        } else if (wanted >= arena.carved()) {
            at = arena.carved();
        }
        nextOfArena();
        if (wanted >= address + size) {
            block = (int) Math.min(blocks, (wanted - at) / blockSize);
            next();
        }
        return true;
    }

    private void enterArena(int number) {
        index = number;
        arena = arenas.get(number);
        at = arena.address();
        poolsEnd = arena.firstPool() + (long) arena.totalPools() * poolSize;
        arenaEnd = at + allocator.arenaSize();
    }

    private boolean tell(PymallocPart what, long end) {
        part = what;
        address = at;
        size = end - at;
        at = end;
        return true;
    }

    private boolean enterPool() {
        long end = at + poolSize;
        long offset = window.find(at, poolSize);
        if (offset < 0) {
            return damaged(window.missing(), "the pool at 0x%x can't be read".formatted(at), end);
        }
        MemorySegment segment = window.segment();
        // Not raw, so that a core which was closed is met here.
        int count = segment.get(Words.INT, offset + PymallocLayout.POOL_COUNT);
        local = segment.address() + offset;
        if (count == 0) {
            return tell(PymallocPart.FREE_POOL, end);
        }
        int szidx = field(PymallocLayout.POOL_SIZE_INDEX);
        int next = field(PymallocLayout.POOL_NEXT_OFFSET) - PymallocLayout.POOL_BYTES;
        int most = field(PymallocLayout.POOL_MAX_NEXT_OFFSET);
        if (szidx < 0 || szidx >= allocator.sizeClasses()) {
            return unsound("the pool at 0x%x has size class %d".formatted(at, szidx), end);
        }
        int bytes = allocator.blockSize(szidx);
        int room = (poolSize - PymallocLayout.POOL_BYTES) / bytes;
        if (most != poolSize - bytes || next < 0 || next % bytes != 0 || next / bytes > room) {
            return unsound(
                    "the pool at 0x%x has blocks of %d bytes, but nextoffset %d and maxnextoffset %d"
                            .formatted(at, bytes, next + PymallocLayout.POOL_BYTES, most),
                    end);
        }
        int ever = next / bytes;
        int free = readFree(count, bytes, ever, room);
        if (free < 0) {
            return unsound("the list of free blocks of the pool at 0x%x leads astray".formatted(at), end);
        }
        // Taking a block and giving one back both change the list and the count, one after the other.
        int astray = Math.abs(count - ever + free);
        if (astray > 1 && isBeingSetUp()) {
            return tell(PymallocPart.FREE_POOL, end);
        }
        if (astray > 1 || astray == 1 && !takeFlux()) {
            damages.add(new Damage(
                    at,
                    index,
                    "the pool at 0x%x counts %d blocks in use, but %d of %d are not free"
                            .formatted(at, count, ever - free, ever)));
        }
        pool = at;
        sizeClass = szidx;
        blockSize = bytes;
        blocks = room;
        handedOut = ever;
        return tell(PymallocPart.POOL_HEADER, at + PymallocLayout.POOL_BYTES);
    }

    /**
     * Notes which blocks were given back; returns how many, -1 if the list leads elsewhere or in a circle.
     *
     * @param count how many blocks the pool says are in use
     * @param ever how many blocks were ever handed out
     * @param room how many it has room for
     */
    private int readFree(int count, int bytes, int ever, int room) {
        Arrays.fill(given, 0, (room >>> 6) + 1, 0);
        long first = at + PymallocLayout.POOL_BYTES;
        long free = RawMemory.word(local + PymallocLayout.POOL_FREE_BLOCK);
        // When the list is empty, a block that was never handed out becomes its only one. Until the pool's header and
        // the block say so too, what the block holds is of earlier times.
        if (free == first + (long) ever * bytes && count == ever && ever < room && takeFlux()) {
            return 0;
        }
        long last = ever - 1L;
        if (free == first + last * bytes && count == last && link(last * bytes) != 0 && takeFlux()) {
            given[(int) last >>> 6] |= 1L << last;
            return 1;
        }
        int found = 0;
        // Offsets in a pool are so small that the product tells the quotient, without a division for each free block.
        long inverse = (1L << Integer.SIZE) / bytes + 1;
        long handed = (long) ever * bytes;
        while (free != 0) {
            long within = free - first;
            if (within < 0 || within >= handed) {
                return -1;
            }
            int number = (int) (within * inverse >>> Integer.SIZE);
            if (number * bytes != within || (given[number >>> 6] >>> number & 1) != 0) {
                return -1;
            }
            given[number >>> 6] |= 1L << number;
            found++;
            free = link(within);
        }
        return found;
    }

    /** What a free block has in its first word: where the next one is. */
    private long link(long within) {
        return RawMemory.word(local + PymallocLayout.POOL_BYTES + within);
    }

    /** A field of the pool's header that has 32 bits. */
    private int field(int offset) {
        return (int) RawMemory.word(local + offset);
    }

    /**
     * Whether a pool that contradicts itself is a free one that is just made ready for blocks of another size: it is
     * the only one of that size, counts the first block, and each field is the one that was or the one that will be.
     */
    private boolean isBeingSetUp() {
        int szidx = field(PymallocLayout.POOL_SIZE_INDEX);
        int next = field(PymallocLayout.POOL_NEXT_OFFSET);
        int most = poolSize - field(PymallocLayout.POOL_MAX_NEXT_OFFSET);
        int grain = allocator.alignment();
        return field(PymallocLayout.POOL_COUNT) == 1
                && RawMemory.word(local + PymallocLayout.POOL_NEXT)
                        == RawMemory.word(local + PymallocLayout.POOL_PREVIOUS)
                && (szidx == PymallocLayout.NO_SIZE_INDEX || szidx >= 0 && szidx < allocator.sizeClasses())
                && (next == 0
                        || next >= PymallocLayout.POOL_BYTES
                                && next <= poolSize
                                && (next - PymallocLayout.POOL_BYTES) % grain == 0)
                && (most == poolSize || most > 0 && most <= PymallocLayout.LARGEST_BLOCK && most % grain == 0)
                && takeFlux();
    }

    /** Whether a pool may still be one that a thread was changing when it was stopped; then it is that one. */
    private boolean takeFlux() {
        if (inFlux >= allocator.mostInFlux()) {
            return false;
        }
        inFlux++;
        return true;
    }

    private boolean unsound(String why, long end) {
        return isBeingSetUp() ? tell(PymallocPart.FREE_POOL, end) : damaged(at, why, end);
    }

    private boolean damaged(long where, String why, long end) {
        damages.add(new Damage(where, index, why));
        return tell(PymallocPart.DAMAGED_POOL, end);
    }

    /**
     * What the part is.
     *
     * @return its kind
     */
    public PymallocPart part() {
        return part;
    }

    /**
     * Where the part begins.
     *
     * @return a target address
     */
    public long address() {
        return address;
    }

    /**
     * The size of the part.
     *
     * @return bytes; of a block, with what is not used of it
     */
    public long size() {
        return size;
    }

    /**
     * The size class of the pool that the part belongs to.
     *
     * @return {@code szidx}, see {@link Pymalloc#blockSize}; -1 for what belongs to no pool in use
     */
    public int sizeClass() {
        return sizeClass;
    }

    /**
     * The pool in use that the part belongs to.
     *
     * @return target address of the {@code struct pool_header}; 0 for what belongs to none
     */
    public long pool() {
        return pool;
    }

    /**
     * The arena that the part belongs to.
     *
     * @return an index into {@link Pymalloc#arenas()}, or {@link PythonRuntime#arenas()} in a walk over all
     */
    public int arena() {
        return index;
    }

    /**
     * Where pools contradict themselves or can't be read, as far as it has come. Regions are arenas.
     *
     * @return a list that grows
     */
    public List<Damage> damages() {
        return damages;
    }

    /**
     * How many pools a thread was changing when it was stopped, as far as it has come.
     *
     * @return at most one for each allocator
     */
    public int inFlux() {
        return inFlux;
    }

    /** Frees the buffers. A closed cursor is at its end. A second call does nothing. */
    @Override
    public void close() {
        leavePool();
        index = arenas.size();
        at = arenaEnd;
        window.close();
    }

    /**
     * Tells where it stands.
     *
     * @return for example {@code USED_BLOCK at 0x7f0012345030, 48 bytes, arena 3}
     */
    @Override
    public String toString() {
        if (size == 0) {
            return index < arenas.size() ? "before the first part" : "behind the last part";
        }
        return "%s at 0x%x, %d bytes, arena %d".formatted(part, address, size, index);
    }
}
