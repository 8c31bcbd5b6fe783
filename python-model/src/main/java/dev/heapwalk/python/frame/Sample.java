// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.frame;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.python.object.InterpreterFrame;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The frames of a thread that runs on. They are followed first, one after the other, and then copied twice, as many as
 * can be in one call each time. Those are told that both copies show, counted from the outermost: each called from the
 * next one, where that has not gone on between the copies. None of them lies within the innermost frame of that time.
 * What the thread called or returned from meanwhile is left out. What is told of a frame is what the first copy has of
 * it, so that the frames are of one moment, whatever the thread does until the last of them is told.
 */
final class Sample {
    /** The most frames that are looked at. */
    private static final int MOST = 1 << 16;
    /** The most that are copied in one call. */
    private static final int GROUP = 512;

    /** So many times the frames are followed, where those that run then are not among them. */
    private static final int MOST_TRIES = 10;
    /** A frame that is called lies no farther behind its caller, where it does, in bytes. */
    private static final long NEAR = 1 << 20;

    /** Where the thread has the pointer to its innermost frame. */
    interface Top {
        long pointer();
    }

    private final Reader memory;
    private final AddressSpace space;
    private final InterpreterFrame frame;
    private final int bytes;
    /** Whether what is called lies behind its caller, so that what has returned is still there. */
    private final boolean stacked;

    private long[] addresses = new long[64];
    /** Frames as the first copy has them, those that are told. */
    private MemorySegment kept = MemorySegment.NULL;

    private int count;
    /** How many of the innermost frames are left out. */
    private int torn;

    private int index;

    /** What copies are made in; made for the first one. */
    private MemorySegment copy = MemorySegment.NULL;

    private final long[] ranges = new long[GROUP + 2];
    private final long[] lengths = new long[GROUP + 2];
    private final long[] read = new long[GROUP + 2];
    /** Where the pointer to the innermost frame lies, which is copied before the frames and behind them. */
    private long pointer;

    private boolean lost;

    Sample(Reader memory, InterpreterFrame frame) {
        this.memory = memory;
        this.space = memory.memory();
        this.frame = frame;
        this.bytes = frame.bytes();
        this.stacked = frame.stacked();
    }

    /** Follows the frames, and copies them. */
    void take(Top top) {
        for (int tries = 0; tries == 0 || lost && tries < MOST_TRIES; tries++) {
            boolean followed = follow(top);
            torn = count - steady(false);
            index = torn;
            lost |= !followed;
        }
    }

    /** Follows the frames; whether that came to the outermost one. Else nothing is known to be there. */
    private boolean follow(Top top) {
        memory.forget();
        count = 0;
        pointer = top.pointer();
        long address = memory.readLong(pointer, 0);
        while (address != 0 && count < MOST && frame.find(address)) {
            if (count == addresses.length) {
                addresses = Arrays.copyOf(addresses, 2 * count);
            }
            addresses[count++] = address;
            // What has returned leads to others that have, and not to its caller.
            if (frame.freed()) {
                break;
            }
            address = frame.back();
        }
        if (address != 0) {
            count = 0;
        }
        if (kept.byteSize() < (long) count * bytes) {
            kept = Arena.ofAuto().allocate((long) addresses.length * bytes, Long.BYTES);
        }
        return address == 0;
    }

    /**
     * How many frames, counted from the outermost, two copies show to be there.
     *
     * @param again whether those are looked for that were kept before, else they are kept now
     */
    private int steady(boolean again) {
        if (copy.byteSize() == 0) {
            copy = Arena.ofAuto().allocate(2 * half(), Long.BYTES);
        }
        lost = false;
        int from = count;
        while (from > 0) {
            // The outermost one of a group was the innermost one of the group before.
            int last = Math.min(count, from + 1);
            int first = Math.max(0, last - GROUP);
            int steady = steady(first, last, again);
            if (steady > first) {
                return count - steady;
            }
            if (first == 0) {
                break;
            }
            from = first;
        }
        return count;
    }

    /** The innermost frame of a group that is there, and so are all between it and the outermost one. */
    private int steady(int first, int last, boolean again) {
        int frames = last - first;
        ranges[0] = pointer;
        System.arraycopy(addresses, first, ranges, 1, frames);
        ranges[frames + 1] = pointer;
        Arrays.fill(lengths, 1, frames + 1, bytes);
        lengths[0] = Long.BYTES;
        lengths[frames + 1] = Long.BYTES;
        int innermost = 0;
        for (int half = 0; half < 2; half++) {
            long at = half * half();
            long length = (long) frames * bytes + 2 * Long.BYTES;
            space.readRanges(ranges, lengths, frames + 2, copy.asSlice(at, length), read);
            for (int i = 0; i < frames + 2; i++) {
                if (read[i] != lengths[i]) {
                    return last;
                }
            }
            innermost = Math.max(innermost, place(copy.get(Words.LONG, at)));
            innermost = Math.max(innermost, place(copy.get(Words.LONG, at + length - Long.BYTES)));
        }
        if (innermost >= last) {
            return last;
        }
        for (int i = last - 1; i >= Math.max(first, innermost); i--) {
            long outer = i + 1 < count ? addresses[i + 1] : 0;
            lay(1, i, first);
            if (frame.freed()) {
                lost = true;
                return i + 1;
            }
            boolean same = frame.back() == outer;
            long code = frame.code();
            long after = frame.instruction(0);
            long offset = lay(0, i, first);
            long before = frame.instruction(0);
            if (!same || frame.back() != outer || frame.code() != code) {
                return i + 1;
            }
            boolean shared = i + 1 == last && last < count;
            if (again || shared) {
                layKept(i);
                if (frame.code() != code || shared && frame.instruction(0) != before) {
                    return i + 1;
                }
            } else {
                MemorySegment.copy(copy, offset, kept, (long) i * bytes, bytes);
            }
            if (before != after) {
                // It is told itself, but where a group ends, no other would know.
                return i == first && first > 0 ? i + 1 : i;
            }
        }
        return Math.max(first, innermost);
    }

    /** Which of the frames is the innermost one; behind all, and lost, if it is another one. */
    private int place(long innermost) {
        for (int i = 0; i < count; i++) {
            if (addresses[i] == innermost) {
                return i;
            }
        }
        boolean inner = !stacked || innermost > addresses[0] && innermost - addresses[0] < NEAR;
        lost |= !inner;
        return inner ? 0 : count;
    }

    /** How large a copy is, in bytes. */
    private long half() {
        return (long) GROUP * bytes + 2 * Long.BYTES;
    }

    /** Lays the view over a copy of a frame, and tells where in the copies that is. */
    private long lay(int half, int i, int first) {
        long offset = half * half() + Long.BYTES + (long) (i - first) * bytes;
        frame.lay(copy, offset, addresses[i], bytes);
        return offset;
    }

    private void layKept(int i) {
        frame.lay(kept, (long) i * bytes, addresses[i], bytes);
    }

    /** How many of the innermost frames were left out. */
    int torn() {
        return torn;
    }

    /** How many of the frames that were told the thread has returned from since. The view lies over any frame then. */
    int returned() {
        int told = count - torn;
        return told - Math.min(told, steady(true));
    }

    /**
     * Lays the view over the next frame as it was.
     *
     * @return whether there is one
     */
    boolean next() {
        if (index == count) {
            return false;
        }
        layKept(index++);
        return true;
    }
}
