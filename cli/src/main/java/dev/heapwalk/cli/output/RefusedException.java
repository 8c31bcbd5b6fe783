// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

/** The output is not written, or not vouched for, since another user could have turned it elsewhere. */
public final class RefusedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * Says why.
     *
     * @param message for a person
     */
    public RefusedException(String message) {
        super(message);
    }
}
