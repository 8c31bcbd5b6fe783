// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

/** A target could not be opened or read. The message says what was tried, on what, and what to do. */
public class TargetException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * Makes one.
     *
     * @param message what was tried, on what, and what to do
     */
    public TargetException(String message) {
        super(message);
    }

    /**
     * Makes one.
     *
     * @param message what was tried, on what, and what to do
     * @param cause what led to it
     */
    public TargetException(String message, Throwable cause) {
        super(message, cause);
    }
}
