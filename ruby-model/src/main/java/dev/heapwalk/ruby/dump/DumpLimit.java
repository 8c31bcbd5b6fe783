// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

/** What ends a dump that has a limit. */
final class DumpLimit {
    /** Of a dump without a limit, in bytes. */
    static final long NONE = Long.MAX_VALUE;

    private DumpLimit() {}

    /**
     * Checks a limit.
     *
     * @throws IllegalArgumentException if it is not positive
     */
    static long checked(long bytes) {
        if (bytes <= 0) {
            throw new IllegalArgumentException("a dump can't be limited to " + bytes + " bytes");
        }
        return bytes;
    }

    /** Ends a line that is longer than the whole dump may be, before its contents are read. */
    static final class LineTooLong extends RuntimeException {
        private static final long serialVersionUID = 1;

        LineTooLong() {
            super(null, null, false, false);
        }
    }
}
