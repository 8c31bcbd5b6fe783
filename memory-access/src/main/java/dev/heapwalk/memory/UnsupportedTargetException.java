// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

/** The target is of a kind that can't be read; the message says what was found and what is supported. */
public final class UnsupportedTargetException extends TargetException {
    private static final long serialVersionUID = 1L;

    /**
     * Makes one for {@link dev.heapwalk.memory.TargetException.Reason#UNSUPPORTED}.
     *
     * @param message what was tried, on what, and what to do
     */
    public UnsupportedTargetException(String message) {
        this(Reason.UNSUPPORTED, message);
    }

    /**
     * Makes one.
     *
     * @param reason why
     * @param message what was tried, on what, and what to do
     */
    public UnsupportedTargetException(Reason reason, String message) {
        super(reason, message);
    }
}
