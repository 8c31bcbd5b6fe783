// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.heap.RootCategory;
import dev.heapwalk.heap.RootSource;
import java.util.LinkedHashMap;
import java.util.Map;

/** The objects that roots hold. */
final class HeldObjects {
    private HeldObjects() {}

    /**
     * Those that roots of a kind hold. What several of them hold is there once.
     *
     * @param roots all roots
     * @param category the kind
     * @return the name of the first root of each object, by the object's address, in the order of the roots
     */
    static Map<Long, String> of(RootSource roots, RootCategory category) {
        Map<Long, String> found = new LinkedHashMap<>();
        StringBuilder name = new StringBuilder();
        roots.roots(category, (address, of, label) -> {
            if (!found.containsKey(address)) {
                name.setLength(0);
                label.appendTo(name);
                found.put(address, name.toString());
            }
        });
        return found;
    }
}
