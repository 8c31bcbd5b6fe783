// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.raw;

import java.lang.ref.WeakReference;
import java.util.Arrays;

/**
 * The switch that has every look at target memory checked which is not checked for speed: reads by address, and fields
 * of views. It is on where {@code -Dheapwalk.check=true} or {@code -ea} says so, and costs nothing where it is off,
 * since a compiler leaves out what a constant forbids.
 *
 * <p>What is found is a fault of the program that looks: it is told by an {@link IllegalStateException} or an {@link
 * IndexOutOfBoundsException}, and no value is made up.
 */
public final class Checks {
    /** Whether checks are made. */
    public static final boolean ON = on();

    // Windows are made and dropped all the time: each registration also clears away what is gone.
    private static volatile Watch[] all = {};
    private static volatile Watch lastRead = new Watch(null);
    private static volatile Watch lastLaid = lastRead;

    private Checks() {}

    private static boolean on() {
        String property = System.getProperty("heapwalk.check");
        return property == null ? Checks.class.desiredAssertionStatus() : Boolean.parseBoolean(property);
    }

    /** What holds target memory: a window. */
    public interface Holder {
        /**
         * Whether local memory is what is shown at this moment.
         *
         * @param local a local address
         * @param length bytes
         * @return whether all of them are
         */
        boolean shows(long local, long length);

        /**
         * Whether a piece of target memory is still at a place.
         *
         * @param local a local address
         * @param address a target address
         * @param length bytes
         * @return whether the local memory is this holder's, and has what the target has there
         */
        Answer holds(long local, long address, long length);

        /**
         * How often memory was asked for, by which a view tells whether it was laid before the last read.
         *
         * @param local a local address
         * @return a count that grows; always the same where what lies there stays as it is
         */
        long reads(long local);
    }

    /** What a holder says of local memory. */
    public enum Answer {
        /** It holds what was asked for. */
        YES,
        /** It is this holder's, but it holds something else, or nothing any more. */
        NO,
        /** It is somebody else's. */
        NOT_MINE
    }

    private static final class Watch extends WeakReference<Holder> {
        Watch(Holder holder) {
            super(holder);
        }
    }

    /**
     * Takes a holder to ask from now on, for as long as it can be reached.
     *
     * @param holder what must be kept by the window that it stands for
     */
    public static synchronized void register(Holder holder) {
        Watch[] left = Arrays.stream(all).filter(watch -> watch.get() != null).toArray(Watch[]::new);
        Watch[] now = Arrays.copyOf(left, left.length + 1);
        now[left.length] = new Watch(holder);
        all = now;
    }

    /**
     * Ends the asking.
     *
     * @param holder one that is closed
     */
    public static synchronized void unregister(Holder holder) {
        all = Arrays.stream(all).filter(watch -> watch.get() != holder).toArray(Watch[]::new);
    }

    /**
     * Checks a read by address.
     *
     * @param local a local address
     * @param length bytes
     * @throws IllegalStateException if no window shows them
     */
    static void read(long local, long length) {
        Holder last = lastRead.get();
        if (last != null && last.shows(local, length)) {
            return;
        }
        for (Watch watch : all) {
            Holder holder = watch.get();
            if (holder != null && holder.shows(local, length)) {
                lastRead = watch;
                return;
            }
        }
        throw new IllegalStateException(
                "%d bytes at the local address 0x%x were to be read, which no window shows".formatted(length, local));
    }

    /**
     * Checks what a view is laid over.
     *
     * @param local local address of the structure
     * @param address target address of the structure
     * @param length bytes
     * @return what holds the structure; null if that is no window
     * @throws IllegalStateException if it is a window that shows something else there
     */
    public static Holder laid(long local, long address, long length) {
        Holder last = lastLaid.get();
        if (last != null && last.holds(local, address, length) == Answer.YES) {
            return last;
        }
        boolean shown = false;
        for (Watch watch : all) {
            Holder holder = watch.get();
            Answer answer = holder == null ? Answer.NOT_MINE : holder.holds(local, address, length);
            if (answer == Answer.YES) {
                lastLaid = watch;
                return holder;
            }
            shown |= answer == Answer.NO;
        }
        if (shown) {
            throw new IllegalStateException(
                    "a view was to be laid over 0x%x, but the window shows something else there: ask for the segment after the offset"
                            .formatted(address));
        }
        return null;
    }
}
