// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.MemoryViewLayout;
import dev.heapwalk.python.layout.PythonLayout;

/** A view of another object's memory. C name {@code PyMemoryViewObject}. */
public final class PyMemoryView extends NamedObject {
    private final MemoryViewLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyMemoryView(ObjectReader reader) {
        super(reader, MemoryViewLayout.BYTES, "memoryview");
        this.layout = PythonLayout.of(reader.series(), reader.freeThreaded()).memoryView();
    }

    /**
     * The object whose memory is seen.
     *
     * @return {@code view.obj}, target address of an object; 0 if it is none, or the view was released
     */
    public long object() {
        return longAt(layout.object());
    }

    /**
     * Where the memory begins that is seen.
     *
     * @return {@code view.buf}, a target address
     */
    public long data() {
        return longAt(layout.data());
    }

    /**
     * How much memory is seen.
     *
     * @return {@code view.len}, in bytes
     */
    public long size() {
        return longAt(layout.length());
    }
}
