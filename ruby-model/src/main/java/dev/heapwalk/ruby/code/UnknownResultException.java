// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.code;

/** Ends the attempt: what the function would return can't be told. Caught in {@link SizeFunction}. */
final class UnknownResultException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** The only one. It has no stack trace, so that giving up costs no more than going on. */
    static final UnknownResultException ONE = new UnknownResultException();

    private UnknownResultException() {
        super("what the function would return can't be told", null, false, false);
    }
}
