// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.allocator.AtSpan.Opened;
import dev.heapwalk.memory.Target;

/** Takes a look-up to the block that an address lies in, by the spans that were known when the heap was located. */
public final class SpanSearch {
    private final AtSpan at;
    private final Target target;
    /** The moment that what was read before belongs to. */
    private long moment;

    private boolean closed;

    /**
     * Prepares to search.
     *
     * @param at the look-up
     * @param target what it reads
     */
    public SpanSearch(AtSpan at, Target target) {
        this.at = at;
        this.target = target;
        this.moment = target.moment();
    }

    /**
     * Goes to a block.
     *
     * @param address any target address
     * @return whether there is one
     * @throws IllegalStateException if the look-up is closed
     */
    public boolean find(long address) {
        if (closed) {
            throw new IllegalStateException("the look-up is closed: it finds nothing any more");
        }
        long now = target.moment();
        boolean same = now != 0 && now == moment;
        if (!same) {
            moment = now;
            at.forget();
        }
        int found = at.table().at(address);
        // One often asks for several blocks of a span, which is known then.
        if (found >= 0 && (same && found == at.span || at.enter(found) == Opened.GOOD) && at.choose(address)) {
            return true;
        }
        at.leave();
        return false;
    }

    /** Ends the search for ever. */
    public void close() {
        if (!closed) {
            closed = true;
            at.leave();
            at.release();
        }
    }
}
