// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.SmallLayout;

/** A module. C name {@code PyModuleObject}. */
public final class PyModule extends NamedObject {

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyModule(ObjectReader reader) {
        super(reader, SmallLayout.ONE_WORD, "module");
    }

    /**
     * What it holds by name.
     *
     * @return {@code md_dict}, target address of a {@code dict}
     */
    public long dict() {
        return longAt(SmallLayout.MODULE_DICT);
    }
}
