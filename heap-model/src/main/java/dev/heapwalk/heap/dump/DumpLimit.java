// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.dump;

/** What ends a dump that has a limit. */
public final class DumpLimit {
    /** Of a dump without a limit, in bytes. */
    public static final long NONE = Long.MAX_VALUE;

    private DumpLimit() {}

    /**
     * Checks a limit.
     *
     * @param bytes the limit
     * @return the same number
     * @throws IllegalArgumentException if it is not positive
     */
    public static long checked(long bytes) {
        if (bytes <= 0) {
            throw new IllegalArgumentException("a dump can't be limited to " + bytes + " bytes");
        }
        return bytes;
    }

    /** Ends a line that is longer than the whole dump may be, before its contents are read. */
    public static final class LineTooLong extends RuntimeException {
        private static final long serialVersionUID = 1;

        /** Makes one; it has no stack. */
        public LineTooLong() {
            super(null, null, false, false);
        }
    }
}
