// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.ActivationLayout;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PythonLayout;

/** A frame as programs see it. C name {@code PyFrameObject}. */
public final class PyFrame extends NamedObject {
    private final ActivationLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyFrame(ObjectReader reader) {
        super(
                reader,
                Math.max(
                        ObjectLayout.BYTES,
                        PythonLayout.of(reader.series(), reader.freeThreaded())
                                        .activation()
                                        .fromObject()
                                + Long.BYTES),
                "frame");
        this.layout = PythonLayout.of(reader.series(), reader.freeThreaded()).activation();
    }

    /**
     * What it shows.
     *
     * @return {@code f_frame}, target address of a {@code _PyInterpreterFrame}; its own address before 3.11
     */
    public long frame() {
        return layout.fromObject() < 0 ? address() : longAt(layout.fromObject());
    }
}
