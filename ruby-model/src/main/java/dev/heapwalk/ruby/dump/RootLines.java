// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.heap.RootCategory;
import dev.heapwalk.ruby.gc.Roots;
import dev.heapwalk.text.JsonLines;

/** Writes a line for each kind of root. */
final class RootLines {
    private static final byte[] ROOT = JsonLines.ascii("{\"type\":\"ROOT\", \"root\":\"");
    private static final byte[] REFERENCES = JsonLines.ascii("\", \"references\":[");
    private static final byte[] NEXT = JsonLines.ascii(", ");
    private static final byte[] END = JsonLines.ascii("]}\n");

    private final Roots roots;
    private final JsonLines json;
    private byte[] label;
    private boolean any;

    RootLines(Roots roots, JsonLines json) {
        this.roots = roots;
        this.json = json;
    }

    void write() {
        for (RootCategory category : roots.categories()) {
            if (!roots.isDumped(category)) {
                continue;
            }
            label = JsonLines.ascii(category.label());
            any = false;
            roots.roots(category, (address, of, name) -> reference(address));
            if (any) {
                json.raw(END);
            }
        }
    }

    private void reference(long address) {
        if (any) {
            json.raw(NEXT);
        } else {
            any = true;
            json.raw(ROOT);
            json.raw(label);
            json.raw(REFERENCES);
        }
        json.address(address);
    }
}
