// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.SmallLayout;

/** What a closure shares with the function around it. C name {@code PyCellObject}. */
public final class PyCell extends NamedObject {

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyCell(ObjectReader reader) {
        super(reader, SmallLayout.ONE_WORD, "cell");
    }

    /**
     * What it holds.
     *
     * @return {@code ob_ref}, target address of an object; 0 if it is empty
     */
    public long ref() {
        return longAt(SmallLayout.CELL_REF);
    }
}
