// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.usage;

/** A {@link Categorizer} failed. The message names it and the block; the cause is what it threw. */
public final class CategorizerException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * Makes one.
     *
     * @param message which categorizer failed, and on what
     * @param cause what it threw
     */
    CategorizerException(String message, Throwable cause) {
        super(message, cause);
    }
}
