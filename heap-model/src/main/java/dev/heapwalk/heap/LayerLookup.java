// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

import java.util.List;

/** Finds the innermost block of several heaps that an address lies in. A flyweight, for one thread. */
public final class LayerLookup implements BlockLookup {
    private final Heap[] heaps;
    private final BlockLookup[] lookups;
    private int index;
    private BlockLookup current;

    /** Takes the heaps, runtimes first. */
    LayerLookup(List<Heap> heaps) {
        this.heaps = heaps.toArray(Heap[]::new);
        this.lookups = heaps.stream().map(Heap::lookup).toArray(BlockLookup[]::new);
        this.current = lookups[0];
    }

    @Override
    public boolean find(long address) {
        for (int i = 0; i < lookups.length; i++) {
            if (lookups[i].find(address)) {
                index = i;
                current = lookups[i];
                return true;
            }
        }
        return false;
    }

    @Override
    public void close() {
        for (BlockLookup lookup : lookups) {
            lookup.close();
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
     * The heap's own look-up, which is at the block.
     *
     * @return the look-up, not to be moved
     */
    public BlockLookup current() {
        return current;
    }

    @Override
    public long address() {
        return current.address();
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

    @Override
    public int nameIndex() {
        return current.nameIndex();
    }

    @Override
    public String name() {
        return current.name();
    }

    @Override
    public int region() {
        return current.region();
    }

    @Override
    public boolean ownMapping() {
        return current.ownMapping();
    }

    @Override
    public String toString() {
        return Block.describe(current) + " of " + heap().name();
    }
}
