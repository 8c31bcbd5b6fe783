// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import dev.heapwalk.heap.RootCategory;
import dev.heapwalk.heap.RootSink;
import dev.heapwalk.heap.RootSource;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.gc.ObjectBlocks;
import dev.heapwalk.python.gc.Roots;
import java.util.List;

/** The roots of the blocks that hold an object, with a reader of their own. */
final class ObjectRoots implements RootSource {
    private final ObjectReader reader;
    private final Roots roots;
    private final ObjectBlocks blocks;

    ObjectRoots(PythonRuntime runtime) {
        this.reader = runtime.reader();
        this.roots = new Roots(runtime, reader);
        this.blocks = new ObjectBlocks(runtime, reader);
    }

    @Override
    public List<RootCategory> categories() {
        return roots.categories();
    }

    @Override
    public void roots(RootCategory category, RootSink sink) {
        roots.roots(
                category,
                (address, of, label) -> sink.root(blocks.blockOf(address, reader.typeAt(address)), of, label));
    }

    @Override
    public List<String> missing() {
        return roots.missing();
    }

    @Override
    public void close() {
        roots.close();
        reader.close();
    }
}
