// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.dump;

import dev.heapwalk.heap.EdgeSink;

/** Knows what an object refers to. */
@FunctionalInterface
interface ObjectReferences {
    /** Gives all references of an object; false if not all are known. */
    boolean all(long object, long type, EdgeSink sink);
}
