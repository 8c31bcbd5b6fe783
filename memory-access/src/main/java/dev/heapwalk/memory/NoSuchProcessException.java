// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

/** There is no such process, or it ended while it was read. */
public final class NoSuchProcessException extends TargetException {
    private static final long serialVersionUID = 1L;

    /**
     * Makes one.
     *
     * @param message what was tried, on what, and what to do
     */
    public NoSuchProcessException(String message) {
        super(Reason.NO_SUCH_PROCESS, message);
    }
}
