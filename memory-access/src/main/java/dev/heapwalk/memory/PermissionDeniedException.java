// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

/** The kernel refuses access to the target; the message names the remedy. */
public final class PermissionDeniedException extends TargetException {
    private static final long serialVersionUID = 1L;

    /**
     * Makes one for {@link dev.heapwalk.memory.TargetException.Reason#PERMISSION}.
     *
     * @param message what was tried, on what, and what to do
     */
    public PermissionDeniedException(String message) {
        this(Reason.PERMISSION, message);
    }

    /**
     * Makes one.
     *
     * @param reason why
     * @param message what was tried, on what, and what to do
     */
    public PermissionDeniedException(Reason reason, String message) {
        super(reason, message);
    }
}
