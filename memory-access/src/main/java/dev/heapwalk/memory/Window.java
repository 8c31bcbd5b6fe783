// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import dev.heapwalk.memory.raw.Checks;
import dev.heapwalk.memory.struct.StructView;
import java.lang.foreign.MemorySegment;

/**
 * The only way in which a walker sees target memory: {@link #require} makes a range readable and returns where it lies
 * in {@link #segment()}. Over a core the segment is the mapped file; over a process it is a buffer that the window
 * reuses, so an offset and the segment are good until the next {@code require} or {@code find}.
 *
 * <p>{@code window.at(address, length, view)} makes a structure readable and lays a view over it. Who calls {@code
 * require} or {@code find} asks for the segment after the offset, since it may be another one than before.
 *
 * <p>Over a process a window shows more than what it was asked for, but only what can be read without a change to the
 * process: it ends before a page that is swapped out, and shows zeros where memory was never touched.
 *
 * <p>A window belongs to one thread, and is closed by who made it. A read allocates nothing in the Java heap; one over
 * a process makes buffers outside it, and a thread that reads ahead, when a walker has first gone on for a while.
 */
public final class Window implements AutoCloseable {

    /** The longest range that every window can make readable at once, in bytes. */
    public static final int MAX_LENGTH = 1 << 16;

    /** Where a window gets its memory from. */
    public interface Source {
        /**
         * Makes a range readable in {@link #segment()}.
         *
         * @param address target address
         * @param length bytes, from 0 to {@link Window#MAX_LENGTH}
         * @return whether the range can be read as a whole
         */
        boolean load(long address, long length);

        /**
         * The local memory, after the last {@code load}: native memory, which must not be freed before {@link #close()}
         * while the source can be reached, since cursors read it without asking.
         *
         * @return a segment at least {@link #length()} long
         */
        MemorySegment segment();

        /**
         * The target address of the first byte of {@link #segment()}.
         *
         * @return an address
         */
        long base();

        /**
         * How many bytes of the segment hold target memory.
         *
         * @return a length in bytes
         */
        long length();

        /**
         * The first byte that could not be read, after a {@code load} that returned false.
         *
         * @return a target address
         */
        long missing();

        /**
         * Forgets what was read before, so that the next {@code load} reads it again. Nothing to do where memory
         * can't change.
         */
        default void forget() {}

        /**
         * Tells what the walker will go through from now on. What was read before is forgotten.
         *
         * @param course ranges of target addresses
         */
        default void course(Ranges course) {
            forget();
        }

        /**
         * Whether a piece of target memory is still where it was shown; asked only where checks are on.
         *
         * @param local a local address
         * @param address a target address
         * @param bytes how many
         * @return 1 if the local memory has what the target has there; 0 if it is this source's, but has something
         *     else; -1 if it is not this source's
         */
        default int holds(long local, long address, long bytes) {
            long offset = local - segment().address();
            if (offset < 0 || offset >= segment().byteSize()) {
                return -1;
            }
            return address - base() == offset && offset <= length() - bytes ? 1 : 0;
        }

        /**
         * Whether what lies at a local address stays as it is, whatever is loaded; asked only where checks are on.
         *
         * @param local an address in memory that this source has shown
         * @return true for a mapped file; false for a buffer
         */
        default boolean lasting(long local) {
            return false;
        }

        /** Frees what the source has for itself, and ends its threads. It is not used any more. */
        default void close() {}
    }

    private final Source source;
    private MemorySegment segment = MemorySegment.NULL;
    private long base;
    private long length;
    private boolean closed;
    private final Watch watch;

    /** Answers where checks are on. */
    private final class Watch implements Checks.Holder {
        private volatile Thread user;
        private long reads;

        @Override
        public long reads(long local) {
            return !closed && source.lasting(local) ? -1 : reads;
        }

        @Override
        public boolean shows(long local, long bytes) {
            long offset = local - segment.address();
            return offset >= 0 && offset <= length - bytes;
        }

        @Override
        public Checks.Answer holds(long local, long address, long bytes) {
            if (closed) {
                return Checks.Answer.NO;
            }
            // What another thread is changing is not looked at.
            int answer = user != Thread.currentThread() ? -1 : source.holds(local, address, bytes);
            return answer > 0 ? Checks.Answer.YES : answer == 0 ? Checks.Answer.NO : Checks.Answer.NOT_MINE;
        }
    }

    /**
     * Makes a window.
     *
     * @param source where its memory comes from; used by this window alone
     */
    public Window(Source source) {
        this.source = source;
        if (Checks.ON) {
            watch = new Watch();
            Checks.register(watch);
        } else {
            watch = null;
        }
    }

    /**
     * Makes a range readable.
     *
     * @param address target address
     * @param wanted bytes, from 0 to {@link #MAX_LENGTH}
     * @return the offset of the range in {@link #segment()}
     * @throws UnmappedAddressException if a byte of it can't be read
     */
    public long require(long address, long wanted) {
        long offset = find(address, wanted);
        if (offset < 0) {
            throw new UnmappedAddressException(source.missing(), address, wanted);
        }
        return offset;
    }

    /**
     * Makes a range readable, if it is.
     *
     * @param address target address
     * @param wanted bytes, from 0 to {@link #MAX_LENGTH}
     * @return the offset of the range in {@link #segment()}, or -1 if a byte of it can't be read
     */
    public long find(long address, long wanted) {
        if (Checks.ON) {
            watch.reads++;
        }
        long offset = address - base;
        // One comparison each for below and beyond; a hostile address wraps to one of the two.
        if (offset >= 0 && offset <= length - wanted) {
            return offset;
        }
        return load(address, wanted);
    }

    /** What was shown before is left from now on; asked only where checks are on. */
    void passed() {
        watch.reads++;
    }

    private long load(long address, long wanted) {
        checkOpen();
        if (wanted < 0 || wanted > MAX_LENGTH) {
            throw new IllegalArgumentException("a window shows 0 to " + MAX_LENGTH + " bytes at once, not " + wanted);
        }
        if (Checks.ON) {
            watch.user = Thread.currentThread();
        }
        // Should the source throw, nothing of its memory is good any more.
        length = 0;
        boolean loaded = source.load(address, wanted);
        segment = source.segment();
        base = source.base();
        long shown = source.length();
        if (!segment.isNative() || shown > segment.byteSize()) {
            throw new IllegalArgumentException(
                    "a window shows native memory, but its source says %d bytes of %s".formatted(shown, segment));
        }
        length = shown;
        return loaded ? address - base : -1;
    }

    /**
     * Lays a view over a structure.
     *
     * @param address target address of its first byte
     * @param wanted how much of it the view may look at, in bytes, up to {@link #MAX_LENGTH}
     * @param view the view to lay over it
     * @param <T> the type of the view
     * @return the view, good until the next {@code require}, {@code find} or {@code at}
     * @throws UnmappedAddressException if a byte of it can't be read
     */
    public <T extends StructView> T at(long address, long wanted, T view) {
        long offset = require(address, wanted);
        view.lay(segment, offset, address, wanted);
        return view;
    }

    /**
     * Goes through an array of structures. A count that the target gave is to be checked before, by {@link
     * Mappings#readable}.
     *
     * @param address target address of the first one
     * @param count how many there are
     * @param size the size of one in bytes, up to {@link #MAX_LENGTH}
     * @param view the view to lay over each
     * @param <T> the type of the view
     * @return a cursor before the first one, for the same thread
     */
    public <T extends StructView> ElementCursor<T> elements(long address, long count, long size, T view) {
        return new ElementCursor<>(this::at, address, count, size, view);
    }

    /**
     * The first byte that could not be read, after {@link #find} returned -1.
     *
     * @return a target address
     */
    public long missing() {
        return source.missing();
    }

    /**
     * The local memory that offsets from {@link #require} and {@link #find} refer to.
     *
     * @return the segment
     */
    public MemorySegment segment() {
        return segment;
    }

    /**
     * How many bytes behind an offset are readable without another {@code require}.
     *
     * @param offset an offset that {@code require} or {@code find} has just returned
     * @return a length in bytes
     */
    public long available(long offset) {
        return length - offset;
    }

    /**
     * Forgets what was read before, so that the next {@link #require} reads the target again. For one that is observed:
     * cheaper than a new window for each look. What was seen so far is gone.
     */
    public void forget() {
        if (!closed) {
            source.forget();
            showNothing();
        }
    }

    /**
     * Points the window at something else that it will go through, as a new one of {@link AddressSpace#window(Ranges)}
     * would, without making new buffers. What was seen so far is gone.
     *
     * @param course what the walker will go through; it may ask for other ranges too
     * @throws IllegalStateException if the window is closed
     */
    public void course(Ranges course) {
        checkOpen();
        source.course(course);
        showNothing();
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("the window is closed: it shows nothing any more");
        }
    }

    private void showNothing() {
        segment = MemorySegment.NULL;
        base = 0;
        length = 0;
    }

    /**
     * Tells what it shows.
     *
     * @return for example {@code a window that shows 65536 bytes from 0x7f0012340000 on}
     */
    @Override
    public String toString() {
        return closed
                ? "a closed window"
                : length == 0
                        ? "a window that shows nothing yet"
                        : "a window that shows %d bytes from 0x%x on".formatted(length, base);
    }

    /**
     * Frees the buffers. After that, asking the window for memory throws an {@link IllegalStateException}, and so does
     * reading what it showed of a process. What it showed of a core stays readable until the target is closed, since
     * that is the mapped file. A second call does nothing.
     *
     * <p>Who does not close a window leaves that to the garbage collector; one of a closed target reads nothing more.
     */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            showNothing();
            length = -1;
            if (Checks.ON) {
                Checks.unregister(watch);
            }
            source.close();
        }
    }
}
