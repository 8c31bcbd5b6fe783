// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

import java.util.List;

/** Knows what keeps blocks of a heap alive without being a block of it. For one thread. */
public interface RootSource extends AutoCloseable {

    /**
     * The kinds of roots that there are, in the order in which the runtime itself goes through them.
     *
     * @return an unmodifiable list
     */
    List<RootCategory> categories();

    /**
     * Gives the roots of one kind; one block may come more than once. What can't be read is left out and told by {@link
     * #missing()}.
     *
     * @param category one of {@link #categories()}
     * @param sink takes the roots
     */
    void roots(RootCategory category, RootSink sink);

    /**
     * Gives all roots.
     *
     * @param sink takes the roots
     */
    default void roots(RootSink sink) {
        categories().forEach(category -> roots(category, sink));
    }

    /**
     * What could not be read so far.
     *
     * @return a line each, for a person
     */
    List<String> missing();

    /**
     * Frees the buffers. After it there is nothing to ask for; a second call does nothing. Who does not close a source
     * leaves its buffers to the garbage collector.
     */
    @Override
    default void close() {}
}
