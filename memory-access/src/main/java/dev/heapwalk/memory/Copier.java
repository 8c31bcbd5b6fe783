// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import java.util.Optional;

/**
 * Copies what a process has in memory, so that it can run on while the copy is read: see {@link Target#copier}. It is
 * made while the process runs, where that is possible, and has then done all that need not wait for the stop.
 */
@FunctionalInterface
public interface Copier extends AutoCloseable {

    /**
     * Copies the process as it is. The copy needs neither the target that it was made of nor the process: both may end.
     * It has the memory that was resident, with the threads and their registers; of the files of its modules also what
     * was not in memory.
     *
     * @return the copy, to be closed by who asked for it; its memory is used again for the next one of the same copier.
     *     Of a target whose memory never changes, that target itself
     * @throws IllegalStateException if the process runs, or the copy before is not closed
     * @throws TargetException with {@link TargetException.Reason#NOT_COPIED} if a copy would take more memory than it
     *     may, or bring back much that is swapped out, or if the kernel does not tell what is resident; with {@link
     *     TargetException.Reason#NOT_FORKED} if the process can't be made to fork one. It is as it was then, and can be
     *     read itself
     * @throws NoSuchProcessException if the process ended
     */
    Target copy();

    /**
     * Why there will be no copy, as far as that is known while the process runs on. {@link #copy} throws the same.
     *
     * @return what stands in the way; empty where nothing is known to
     */
    default Optional<TargetException> refusal() {
        return Optional.empty();
    }

    /**
     * How much memory of this process is reserved for copies.
     *
     * @return bytes; 0 where nothing is copied
     */
    default long bytes() {
        return 0;
    }

    /**
     * Frees that memory at once, and closes the copy that lies in it. To be called when nobody reads it any more:
     * cursors read without asking, as of a window that is closed. Who does not call it leaves that to the garbage
     * collector, which does it when the copier and its copies can't be reached. A second call does nothing.
     */
    @Override
    default void close() {}
}
