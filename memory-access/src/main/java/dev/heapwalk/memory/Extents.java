// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

/**
 * Tells which parts of a target's memory can be read without a change to the target: for who takes all that there is,
 * and brings nothing back. For one thread.
 */
public interface Extents {

    /** What can be had of a range. */
    enum Kind {
        /** It can be read. */
        AT_HAND,
        /** It was never touched, and is zeros. */
        ZEROS,
        /**
         * To read it would bring it into memory, or wait for somebody to bring it: it is swapped out, or of shared
         * memory or a file that this process has not in memory. Or it is not in a core or a copy.
         */
        ELSEWHERE
    }

    /**
     * What can be had at an address, and up to {@link #end()}.
     *
     * @param address a target address in a mapping
     * @param limit the target address behind the last byte of interest, above {@code address}, in the same mapping
     * @return what can be had
     */
    Kind kind(long address, long limit);

    /**
     * Where the range ends that {@link #kind} told of. The next one may be of the same kind.
     *
     * @return a target address, above the one that was asked for, and no more than the limit
     */
    long end();
}
