// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.Ranges;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.raw.Buffers;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;

/**
 * Copies the memory that a walker will come to next while it is busy with what it has: a few blocks, one behind the
 * other and then from the next range on that it will go through, each copied by whoever is free to, a second thread or
 * the walker itself when the block that it wants is still on its way. So two processors share the copying, whatever the
 * walker does with the memory.
 *
 * <p>All methods belong to the walker's thread. The second thread is made when it is first needed and ends by itself
 * when it has had nothing to do for a while.
 */
final class ReadAhead {
    private static final int BLOCKS = 4;
    private static final long IDLE_NANOS = 200_000_000;

    private static final int FREE = 0;
    private static final int WANTED = 1;
    private static final int COPYING = 2;
    private static final int COPIED = 3;

    private static final VarHandle STATE;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(Block.class, "state", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /**
     * A piece of the target's memory, here or to come. Who moves the state to COPYING owns the rest of it until COPIED.
     */
    static final class Block {
        final MemorySegment buffer;
        long start;
        long wanted;
        long length;
        private volatile int state;

        private Block(MemorySegment buffer) {
            this.buffer = buffer;
        }

        private boolean take() {
            return STATE.compareAndSet(this, WANTED, COPYING);
        }

        /** Gives it up if nobody copies or has copied it. Who only looked first could be overtaken by a taker. */
        private boolean giveUp() {
            return STATE.compareAndSet(this, WANTED, FREE);
        }
    }

    private final LiveMemory memory;
    private final LiveMemory.Vectors vectors;
    private final LiveMemory.Vectors copierVectors;
    private final long blockSize;
    private final Block[] ring = new Block[BLOCKS];
    private long overlap;
    private int first;
    /** What the next block begins with, in the range of the course (if any) that ends there. */
    private long next;

    private long end;
    private Ranges course = Ranges.NONE;
    private int range;

    private volatile Thread copier;
    private volatile boolean running;
    private volatile Thread waiting;

    /**
     * Makes one that has nothing to read yet.
     *
     * @param memory what is read
     * @param vectors the walker's own
     * @param buffers what gives it room
     * @param blockSize how much is read at once, in bytes
     */
    ReadAhead(LiveMemory memory, LiveMemory.Vectors vectors, Buffers buffers, long blockSize) {
        this.memory = memory;
        this.vectors = vectors;
        this.copierVectors = memory.vectors(buffers);
        this.blockSize = blockSize;
        for (int i = 0; i < BLOCKS; i++) {
            ring[i] = new Block(buffers.allocate(blockSize, 4096));
        }
    }

    /**
     * Reads from an address on, as far as memory is mapped or the range of the course goes, and then from range to
     * range. What was on its way is dropped.
     *
     * @param ranges what the walker will go through
     * @param address target address of the first byte
     * @param longest the longest range that will be asked for; so much of a block the next one holds once more, so that
     *     what lies across both is found in one
     * @param walker target address that the walker has come to, in the same range
     */
    void start(Ranges ranges, long address, long longest, long walker) {
        stop();
        course = ranges;
        overlap = longest;
        range = course.at(walker);
        begin(address, range < 0 ? Long.MAX_VALUE : course.end(range));
        if (end - next <= overlap) {
            // All of it was in the buffer before.
            next = end;
        }
        for (int i = 0; i < BLOCKS; i++) {
            want(ring[i]);
        }
        wake();
    }

    private void begin(long address, long limit) {
        next = address;
        end = memory.mappings().readableEnd(address, limit);
    }

    private void want(Block block) {
        while (next == end) {
            if (range < 0 || range >= course.count() - 1) {
                return;
            }
            range++;
            begin(course.start(range), course.end(range));
        }
        block.start = next;
        block.wanted = Math.min(blockSize, end - next);
        block.length = 0;
        next += block.wanted;
        if (next < end) {
            next -= overlap;
        }
        block.state = WANTED;
    }

    /**
     * The block that holds a range, if it is the next or one soon after; blocks before it are passed over.
     *
     * @return the block, the walker's until the next call; null if the range lies elsewhere or can't be read
     */
    Block take(long address, long length) {
        for (int passed = 0; passed < BLOCKS; passed++) {
            Block block = ring[first];
            if (block.state == FREE || address < block.start) {
                break;
            }
            if (address + length <= block.start + block.wanted) {
                complete(block);
                return address + length <= block.start + block.length ? block : null;
            }
            release();
        }
        return null;
    }

    /** Gives back the block that was taken last; it will hold what lies behind the others. */
    void release() {
        Block block = ring[first];
        free(block);
        want(block);
        first = (first + 1) % BLOCKS;
        wake();
    }

    /** Forgets all that was read, and what was to be. */
    void stop() {
        for (Block block : ring) {
            free(block);
        }
        copierVectors.forget();
        first = 0;
        end = 0;
        next = 0;
    }

    /** Sees to it that a block is here. While another copies it, this thread copies one behind it. */
    private void complete(Block block) {
        if (block.take()) {
            copy(block, vectors);
            return;
        }
        for (int ahead = 1; ahead < BLOCKS && block.state == COPYING; ahead++) {
            Block behind = ring[(first + ahead) % BLOCKS];
            if (behind.take()) {
                copy(behind, vectors);
            }
        }
        settle(block);
    }

    /**
     * Ends the second thread, and sees to it that nobody copies. It is not used any more.
     *
     * @return false if somebody copies still, since a read hangs
     */
    boolean close() {
        running = false;
        LockSupport.unpark(copier);
        try {
            stop();
            return true;
        } catch (TargetException e) {
            return false;
        }
    }

    private void free(Block block) {
        if (!block.giveUp()) {
            settle(block);
            block.state = FREE;
        }
    }

    /** Waits until no other thread copies a block that is not for anybody to take. */
    private void settle(Block block) {
        if (block.state != COPYING) {
            return;
        }
        waiting = Thread.currentThread();
        try {
            while (block.state == COPYING) {
                memory.checkNotLost();
                LockSupport.parkNanos(this, 1_000_000);
            }
        } finally {
            waiting = null;
        }
    }

    private void copy(Block block, LiveMemory.Vectors own) {
        long length = 0;
        try {
            length = memory.read(own, block.start, block.buffer, 0, block.wanted, 0);
        } finally {
            block.length = length;
            block.state = COPIED;
        }
    }

    private void wake() {
        Thread thread = copier;
        if (thread != null && running) {
            LockSupport.unpark(thread);
            return;
        }
        running = true;
        thread = Thread.ofPlatform().daemon().name("heapwalk read-ahead").unstarted(this::copyAhead);
        copier = thread;
        thread.start();
    }

    private void copyAhead() {
        try {
            long idleSince = System.nanoTime();
            while (running) {
                if (copyOne()) {
                    idleSince = System.nanoTime();
                } else if (System.nanoTime() - idleSince > IDLE_NANOS) {
                    break;
                } else {
                    LockSupport.parkNanos(this, IDLE_NANOS);
                }
            }
        } catch (RuntimeException e) {
            // The target ended or was closed. The walker meets the same, and reports it.
        } finally {
            running = false;
        }
    }

    private boolean copyOne() {
        int from = first;
        for (int i = 0; i < BLOCKS; i++) {
            Block block = ring[(from + i) % BLOCKS];
            if (block.take()) {
                copy(block, copierVectors);
                Thread walker = waiting;
                if (walker != null) {
                    LockSupport.unpark(walker);
                }
                return true;
            }
        }
        return false;
    }
}
