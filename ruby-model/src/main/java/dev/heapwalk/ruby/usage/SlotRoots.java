// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.usage;

import dev.heapwalk.heap.RootCategory;
import dev.heapwalk.heap.RootSink;
import dev.heapwalk.heap.RootSource;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.gc.Roots;
import java.util.List;

/** The roots of the slots, with a reader of their own. */
final class SlotRoots implements RootSource {
    private final ObjectReader reader;
    private final Roots roots;

    SlotRoots(RubyVm vm) {
        this.reader = vm.reader();
        this.roots = new Roots(reader);
    }

    @Override
    public List<RootCategory> categories() {
        return roots.categories();
    }

    @Override
    public void roots(RootCategory category, RootSink sink) {
        roots.roots(category, sink);
    }

    @Override
    public List<String> missing() {
        return roots.missing();
    }

    @Override
    public void close() {
        roots.close();
        reader.memory().close();
    }
}
