// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.allocator.AtSpan.Opened;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.DamageList;
import java.util.List;

/**
 * Takes a cursor from span to span, and keeps count of what lies behind it and of what was left out. The cursor itself
 * goes from block to block:
 *
 * <pre>{@code
 * public boolean next() {
 *     do {
 *         while (step()) {
 *             if (look()) {
 *                 return true;
 *             }
 *             walk.leaveOutBlock();
 *         }
 *     } while (walk.nextSpan());
 *     return false;
 * }
 * }</pre>
 */
public final class SpanWalk {
    private final AtSpan at;
    private final DamageList damages = new DamageList();
    private boolean settled;
    /** The region whose blocks are walked, negative for all. */
    private int region;

    private int next;
    private long total;
    private long walked;
    private long leftOut;
    private boolean closed;

    /**
     * Prepares to walk.
     *
     * @param at the cursor
     */
    public SpanWalk(AtSpan at) {
        this.at = at;
    }

    /**
     * Goes before the first span.
     *
     * @param leftOutBefore bytes that were left out when the heap was located
     * @param isSettled whether what contradicts itself is damage, and no change that was under way then
     * @param ofRegion the region whose blocks are walked, negative for all
     */
    public void begin(long leftOutBefore, boolean isSettled, int ofRegion) {
        at.leave();
        next = 0;
        // These were in no span, and are behind the cursor.
        walked = leftOutBefore;
        damages.clear();
        leftOut = leftOutBefore;
        settled = isSettled;
        region = ofRegion;
        SpanTable table = at.table();
        total = leftOutBefore + (region < 0 ? table.totalBytes() : 0);
        for (int i = 0; region >= 0 && i < table.count(); i++) {
            total += at.regionOf(i) == region ? table.size(i) : 0;
        }
    }

    /**
     * Goes to the next span whose blocks can be looked at.
     *
     * @return whether there is one
     * @throws IllegalStateException if the walk is closed
     */
    public boolean nextSpan() {
        if (closed) {
            throw new IllegalStateException("the cursor is closed: it does not move any more");
        }
        SpanTable table = at.table();
        if (at.span >= 0) {
            walked += table.size(at.span);
        }
        while (next < table.count()) {
            int index = next++;
            if (region >= 0 && at.regionOf(index) != region) {
                continue;
            }
            Opened opened = at.enter(index);
            if (opened == Opened.GOOD) {
                return true;
            }
            walked += table.size(index);
            leaveOut(index, opened);
        }
        at.leave();
        return false;
    }

    private void leaveOut(int index, Opened why) {
        if (why == Opened.FLUX) {
            // That was counted when the heap was located.
            return;
        }
        SpanTable table = at.table();
        leftOut += table.size(index);
        if (settled) {
            damages.add(
                    table.structures[index],
                    at.regionOf(index),
                    at.describe(index)
                            + switch (why) {
                                case UNREADABLE -> " is described by what can't be read";
                                case MISCOUNTED -> " has free blocks that contradict themselves";
                                default -> " is no more what it was when the heap was located";
                            });
        }
    }

    /** Counts the block that was refused last. */
    public void leaveOutBlock() {
        SpanTable table = at.table();
        long stride = table.strides[at.span];
        leftOut += stride;
        if (settled) {
            damages.add(
                    table.froms[at.span] + at.block() * stride,
                    at.regionOf(at.span),
                    "the block of %d bytes at 0x%x %s"
                            .formatted(stride, table.froms[at.span] + at.block() * stride, at.harm()));
        }
    }

    /**
     * Tells of damage at the block that the cursor is at, which is no reason to leave it out.
     *
     * @param reason a clause whose subject is the block
     */
    public void tell(String reason) {
        if (settled) {
            damages.add(
                    at.address(),
                    at.regionOf(at.span),
                    "the block of %d bytes at 0x%x %s".formatted(at.size(), at.address(), reason));
        }
    }

    /** Ends the walk for ever. */
    public void close() {
        if (!closed) {
            closed = true;
            at.leave();
            at.release();
        }
    }

    /**
     * Whether {@link #close()} was called.
     *
     * @return whether it was
     */
    public boolean closed() {
        return closed;
    }

    /**
     * How many bytes lie behind the cursor.
     *
     * @return bytes
     */
    public long walkedBytes() {
        return walked;
    }

    /**
     * How many bytes the walk has in all.
     *
     * @return bytes
     */
    public long totalBytes() {
        return total;
    }

    /**
     * How many bytes were left out.
     *
     * @return bytes
     */
    public long leftOutBytes() {
        return leftOut;
    }

    /**
     * What the walk met.
     *
     * @return an unmodifiable list
     */
    public List<Damage> damage() {
        return damages.list();
    }
}
