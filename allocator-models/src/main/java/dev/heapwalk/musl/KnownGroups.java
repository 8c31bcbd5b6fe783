// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

/**
 * Groups of an earlier look that began with the addresses of their metas. As long as a meta describes the same group,
 * that begins so still: musl writes it once. So it is not read again, which would take a page for each. Who goes through
 * the slots of a group looks at it anyway.
 */
final class KnownGroups {
    /** Those of a first look. */
    static final KnownGroups NONE = new KnownGroups(new long[0], new long[0], new long[0], new int[0], 0);

    private final long[] metas;
    private final long[] groups;
    private final long[] bits;
    private final int[] headers;
    private final int count;

    /** Takes over what was found of groups, in the order of the addresses of their metas. */
    KnownGroups(long[] metas, long[] groups, long[] bits, int[] headers, int count) {
        this.metas = metas;
        this.groups = groups;
        this.bits = bits;
        this.headers = headers;
        this.count = count;
    }

    /** Finds the metas that are asked for in the order of their addresses. */
    final class Search {
        private int at;

        /** Whether a meta described the same group. */
        boolean find(long meta, long group, long itsBits) {
            while (at < count && Long.compareUnsigned(metas[at], meta) < 0) {
                at++;
            }
            return at < count && metas[at] == meta && groups[at] == group && bits[at] == itsBits;
        }

        /** What lay before the group that was found, in the slot that it lies in. */
        int header() {
            return headers[at];
        }
    }
}
