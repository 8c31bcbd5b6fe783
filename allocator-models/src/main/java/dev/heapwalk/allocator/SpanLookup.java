// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.heap.BlockState;

/**
 * Finds the block that an address lies in, by the spans that were known when the heap was located: its span among all,
 * its block by the size.
 *
 * @param <C> the cursor that is taken to the block
 */
public final class SpanLookup<C extends SpanCursor<?>> implements BlockLookup {
    private final C block;

    /**
     * Prepares to search.
     *
     * @param block a cursor that nobody walks with, closed with this
     */
    public SpanLookup(C block) {
        this.block = block;
    }

    /**
     * The block that was found, with all that its allocator tells of it.
     *
     * @return what this was made with
     */
    public C block() {
        return block;
    }

    @Override
    public boolean find(long address) {
        return block.find(address);
    }

    @Override
    public void close() {
        block.close();
    }

    @Override
    public long address() {
        return block.address();
    }

    @Override
    public long start() {
        return block.start();
    }

    @Override
    public long size() {
        return block.size();
    }

    @Override
    public long usableSize() {
        return block.usableSize();
    }

    @Override
    public BlockState state() {
        return block.state();
    }

    @Override
    public int nameIndex() {
        return block.nameIndex();
    }

    @Override
    public String name() {
        return block.name();
    }

    @Override
    public int region() {
        return block.region();
    }

    @Override
    public boolean ownMapping() {
        return block.ownMapping();
    }

    @Override
    public int tag() {
        return block.tag();
    }

    @Override
    public String toString() {
        return block.toString();
    }
}
