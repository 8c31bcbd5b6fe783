// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

/** A call into the C library failed in a way that no other exception tells better. */
public final class ErrnoException extends TargetException {
    private static final long serialVersionUID = 1L;

    /** The name of the call. */
    private final String call;
    /** What {@code errno} was. */
    private final int errno;

    /**
     * Makes one.
     *
     * @param call the C function
     * @param errno the error number
     * @param name the error's name, such as {@code EIO}
     * @param on what it was called on
     */
    public ErrnoException(String call, int errno, String name, String on) {
        super(Reason.SYSTEM_CALL, "%s failed on %s: %s (errno %d)".formatted(call, on, name, errno));
        this.call = call;
        this.errno = errno;
    }

    /**
     * The C function.
     *
     * @return its name
     */
    public String call() {
        return call;
    }

    /**
     * The error number.
     *
     * @return {@code errno} as the call left it
     */
    public int errno() {
        return errno;
    }
}
