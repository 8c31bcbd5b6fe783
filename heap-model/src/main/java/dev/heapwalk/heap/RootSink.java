// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

/** Takes roots one by one. It must not read through what they come from. */
@FunctionalInterface
public interface RootSink {

    /**
     * Takes a root.
     *
     * @param address target address of the block that is kept alive
     * @param category what kind of root it is
     * @param label the name of the variable or the like, good during this call
     */
    void root(long address, RootCategory category, Label label);
}
