// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.malloc.layout.MallocLayout;
import java.util.List;
import java.util.Set;

/**
 * What a search through all chunks told of the layout and the thread caches, for the next look at the same process. A
 * thread makes its cache at some time of its life and keeps it to its end. So there is no other cache as long as the
 * threads are the same and each has one, or those that may have none have not run.
 *
 * <p>How many caches there are shows that each thread has one, except where some are left over, as in the child of a
 * {@code fork}. The first look may have missed that. So where there are several threads, the chunks are searched again
 * from time to time in any case.
 */
final class KnownCaches {
    private static final int MOST_LOOKS = 64;

    private final MallocLayout layout;
    private final Set<Long> addresses;
    private final List<Long> arenas;
    private final ThreadRuns threads;
    private final boolean mainHasOne;
    private final boolean leftOver;
    private int looks;

    /**
     * Keeps what a search found.
     *
     * @param addresses target addresses of the structures
     * @param arenas target addresses of the arenas
     * @param threads the threads, with their times from before the search
     * @param mainHasOne whether one of the caches is the first thread's for sure
     * @param before what was known before the search, or null
     */
    KnownCaches(
            MallocLayout layout,
            Set<Long> addresses,
            List<Long> arenas,
            ThreadRuns threads,
            boolean mainHasOne,
            KnownCaches before) {
        this.layout = layout;
        this.addresses = addresses;
        this.arenas = arenas;
        this.threads = threads;
        this.mainHasOne = mainHasOne;
        this.leftOver = addresses.size() > threads.count() || before != null && before.leftOver;
    }

    MallocLayout layout() {
        return layout;
    }

    Set<Long> addresses() {
        return addresses;
    }

    /** Whether there can be no others now; each that is known is still to be looked at. */
    boolean complete(List<Long> arenasNow, ThreadRuns threadsNow) {
        if (!arenas.equals(arenasNow) || !threads.sameThreads(threadsNow)) {
            return false;
        }
        if (threads.count() == 1 && mainHasOne && !leftOver) {
            return true;
        }
        if (++looks >= MOST_LOOKS) {
            return false;
        }
        return !leftOver && addresses.size() == threads.count() || !threads.mayHaveRun(mainHasOne && !leftOver);
    }
}
