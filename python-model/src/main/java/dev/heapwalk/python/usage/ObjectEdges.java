// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.EdgeSink;
import dev.heapwalk.heap.EdgeSource;
import dev.heapwalk.heap.Label;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.gc.ObjectBlocks;
import dev.heapwalk.python.gc.References;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PythonLayout;

/**
 * The edges of the blocks that hold an object. They lead to blocks, as these do: also to such as only the code of the
 * object's type knows, by the words of its fields. What other blocks hold is not known: buffers of objects, and memory
 * of C extensions.
 */
final class ObjectEdges implements EdgeSource {
    private final ObjectReader reader;
    private final ObjectLayout layout;
    private final References references;
    private final ObjectBlocks blocks;
    private final EdgeSink toBlocks = this::toBlock;
    private EdgeSink sink;

    ObjectEdges(PythonRuntime runtime) {
        this.reader = runtime.reader();
        this.layout = PythonLayout.of(runtime.series(), runtime.freeThreaded()).object();
        this.references = new References(runtime, reader);
        this.blocks = new ObjectBlocks(runtime, reader);
    }

    @Override
    public boolean edges(long address, EdgeSink to) {
        long object = blocks.objectIn(address);
        if (object == 0) {
            return false;
        }
        sink = to;
        long type = reader.typeAt(object);
        boolean all = references.all(object, type, toBlocks);
        references.unknown(object, type, to);
        return all;
    }

    @Override
    public boolean knowsBlocksOfAllocators() {
        return true;
    }

    @Override
    public boolean countsReferences() {
        return true;
    }

    @Override
    public long countedReferences(long address) {
        long object = blocks.objectIn(address);
        if (object == 0) {
            return -1;
        }
        long word = layout.references(reader.memory(), object);
        boolean counts = layout.isInUse(word) && (word & layout.immortalBit()) == 0;
        return counts ? word & layout.countMask() : -1;
    }

    private void toBlock(long address, EdgeKind kind, Label label) {
        long block = kind == EdgeKind.OWNS ? blocks.blockOf(address) : blocks.blockOf(address, reader.typeAt(address));
        sink.edge(block, kind, label);
    }

    @Override
    public void close() {
        references.close();
        reader.close();
    }
}
