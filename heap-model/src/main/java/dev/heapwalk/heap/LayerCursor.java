// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

import java.util.ArrayList;
import java.util.List;

/**
 * Walks the blocks of several heaps so that no byte is counted twice: a used block of an {@link HeapLayer#ALLOCATOR}
 * that a {@link HeapLayer#RUNTIME} manages is left out, and that one's blocks are told in its place. Blocks of runtimes
 * come first, so that what they own is known when the blocks of allocators come; within a heap they come in the order
 * of its own cursor. For one thread.
 */
public final class LayerCursor implements BlockCursor {
    private Heap[] heaps;
    /** How many of them are runtimes, which come first. */
    private int runtimes;

    private BlockCursor[] cursors;
    private int index;
    private BlockCursor current;

    /** Takes the heaps, runtimes first. */
    LayerCursor(List<Heap> heaps) {
        begin(heaps, heaps.stream().map(Heap::blocks).toArray(BlockCursor[]::new));
    }

    private void begin(List<Heap> newHeaps, BlockCursor[] newCursors) {
        heaps = newHeaps.toArray(Heap[]::new);
        runtimes = (int) newHeaps.stream()
                .filter(heap -> heap.layer() == HeapLayer.RUNTIME)
                .count();
        cursors = newCursors;
        index = 0;
        current = newCursors[0];
    }

    @Override
    public boolean next() {
        while (true) {
            while (current.next()) {
                if (runtimes == 0 || index < runtimes || current.state() != BlockState.USED || !isManaged()) {
                    return true;
                }
            }
            if (index == cursors.length - 1) {
                return false;
            }
            current = cursors[++index];
        }
    }

    private boolean isManaged() {
        for (int i = 0; i < runtimes; i++) {
            if (heaps[i].manages(current)) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void rewind() {
        for (BlockCursor cursor : cursors) {
            cursor.rewind();
        }
        index = 0;
        current = cursors[0];
    }

    /**
     * Goes before the first block of all heaps of a process that runs on, with the buffers that it has where it can.
     *
     * @param now the heaps as they are now: what {@link Heaps#refresh()} gave
     */
    public void rewind(Heaps now) {
        List<Heap> newHeaps = now.insideOut();
        BlockCursor[] old = cursors.clone();
        BlockCursor[] newCursors = new BlockCursor[newHeaps.size()];
        for (int i = 0; i < newCursors.length; i++) {
            Heap heap = newHeaps.get(i);
            for (int j = 0; j < old.length && newCursors[i] == null; j++) {
                if (old[j] != null && heaps[j].getClass() == heap.getClass() && old[j].rewind(heap)) {
                    newCursors[i] = old[j];
                    old[j] = null;
                }
            }
            if (newCursors[i] == null) {
                newCursors[i] = heap.blocks();
            }
        }
        for (BlockCursor left : old) {
            if (left != null) {
                left.close();
            }
        }
        begin(newHeaps, newCursors);
    }

    @Override
    public void close() {
        for (BlockCursor cursor : cursors) {
            cursor.close();
        }
    }

    /**
     * The heap that the block belongs to.
     *
     * @return the heap
     */
    public Heap heap() {
        return heaps[index];
    }

    /**
     * The heap's own cursor, which is at the block.
     *
     * @return the cursor, not to be moved
     */
    public BlockCursor current() {
        return current;
    }

    @Override
    public long address() {
        return current.address();
    }

    @Override
    public long start() {
        return current.start();
    }

    @Override
    public long size() {
        return current.size();
    }

    @Override
    public long usableSize() {
        return current.usableSize();
    }

    @Override
    public BlockState state() {
        return current.state();
    }

    /**
     * {@inheritDoc} That of {@link #heap()}.
     */
    @Override
    public int nameIndex() {
        return current.nameIndex();
    }

    @Override
    public String name() {
        return current.name();
    }

    /**
     * {@inheritDoc} That of {@link #heap()}.
     */
    @Override
    public int region() {
        return current.region();
    }

    @Override
    public boolean ownMapping() {
        return current.ownMapping();
    }

    @Override
    public long walkedBytes() {
        long sum = 0;
        for (BlockCursor cursor : cursors) {
            sum += cursor.walkedBytes();
        }
        return sum;
    }

    @Override
    public long totalBytes() {
        long sum = 0;
        for (BlockCursor cursor : cursors) {
            sum += cursor.totalBytes();
        }
        return sum;
    }

    @Override
    public long leftOutBytes() {
        long sum = 0;
        for (BlockCursor cursor : cursors) {
            sum += cursor.leftOutBytes();
        }
        return sum;
    }

    /**
     * {@inheritDoc} Of all heaps; {@link #damage(Heap)} tells which is whose.
     */
    @Override
    public List<Damage> damage() {
        List<Damage> all = new ArrayList<>();
        for (BlockCursor cursor : cursors) {
            all.addAll(cursor.damage());
        }
        return List.copyOf(all);
    }

    /**
     * What the cursor met in one heap that was damaged or could not be read.
     *
     * @param heap a heap
     * @return an unmodifiable list, as it is now; empty if the cursor does not walk that heap
     */
    public List<Damage> damage(Heap heap) {
        for (int i = 0; i < heaps.length; i++) {
            if (heaps[i] == heap) {
                return cursors[i].damage();
            }
        }
        return List.of();
    }

    @Override
    public String toString() {
        return Block.describe(current) + " of " + heap().name();
    }
}
