// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.layout.ObjectLayout;
import dev.heapwalk.ruby.layout.RubyLayout;

/** A File or another IO. C names {@code struct RFile} and {@code rb_io_t}. */
public final class RFile extends RValue {
    /** {@code FMODE_READABLE}. */
    public static final int READABLE = 1;
    /** {@code FMODE_WRITABLE}. */
    public static final int WRITABLE = 2;

    private final ObjectLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the slots
     */
    public RFile(ObjectReader reader) {
        super(reader);
        this.layout = RubyLayout.of(reader.series()).object();
    }

    /**
     * Where its state is.
     *
     * @return {@code fptr}, target address of an {@code rb_io_t}; 0 if it was never opened
     */
    public long state() {
        return longAt(16);
    }

    /**
     * The file descriptor.
     *
     * @return {@code fd}; -1 if it is closed or was never opened
     * @throws dev.heapwalk.memory.UnmappedAddressException if its state can't be read
     */
    public int descriptor() {
        long state = state();
        return state == 0 ? -1 : memory().readInt(state + layout.ioDescriptor());
    }

    /**
     * Whether it is closed or was never opened.
     *
     * @return whether it has no descriptor
     * @throws dev.heapwalk.memory.UnmappedAddressException if its state can't be read
     */
    public boolean closed() {
        return descriptor() < 0;
    }

    /**
     * How it was opened.
     *
     * @return {@code mode}, a set of {@link #READABLE} …; 0 if it was never opened
     * @throws dev.heapwalk.memory.UnmappedAddressException if its state can't be read
     */
    public int mode() {
        long state = state();
        return state == 0 ? 0 : memory().readInt(state + layout.ioDescriptor() + 4);
    }

    /**
     * The path that it was opened with.
     *
     * @return {@code pathv}, a {@code VALUE}: a String or nil; 0 if it was never opened
     * @throws dev.heapwalk.memory.UnmappedAddressException if its state can't be read
     */
    public long path() {
        long state = state();
        return state == 0 ? 0 : memory().readLong(state + layout.ioPath());
    }
}
