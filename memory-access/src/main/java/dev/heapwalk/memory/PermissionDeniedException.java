// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

/** The kernel refuses access to the target; the message names the remedy. */
public final class PermissionDeniedException extends TargetException {
    private static final long serialVersionUID = 1L;

    /**
     * Makes one.
     *
     * @param message what was tried, on what, and what to do
     */
    public PermissionDeniedException(String message) {
        super(message);
    }
}
