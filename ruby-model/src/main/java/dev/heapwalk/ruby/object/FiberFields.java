// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.layout.ContextLayout;
import dev.heapwalk.ruby.layout.RubyLayout;

/**
 * Where a fiber's own fields are. They lie behind a {@code rb_jmpbuf_t} that is {@code jmp_buf} where the interpreter
 * was built so, and else one of the compiler's own that is smaller. A fiber whose first field is a Proc tells it for
 * all. For one thread.
 */
public final class FiberFields {
    /** Of {@link #shift}: no fiber has told it yet. */
    public static final int UNKNOWN = -1;

    private final ObjectReader reader;
    private final Reader memory;
    private final int first;
    private int shift = UNKNOWN;

    /**
     * Makes one that has seen no fiber yet.
     *
     * @param reader what reads the fibers
     */
    public FiberFields(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.first = RubyLayout.of(reader.series()).context().fiberProc();
    }

    /**
     * How far the fields are moved.
     *
     * @param fiber target address of an {@code rb_fiber_t}
     * @return bytes from where they are with the compiler's own buffer, {@link #UNKNOWN} if neither this fiber nor one
     *     before it tells
     */
    public int shift(long fiber) {
        if (shift == UNKNOWN) {
            boolean isSmall = isProc(memory.readLong(fiber + first));
            boolean isLarge = isProc(memory.readLong(fiber + first + ContextLayout.LIBC_JMP_BUF_SHIFT));
            if (isSmall != isLarge) {
                shift = isSmall ? 0 : ContextLayout.LIBC_JMP_BUF_SHIFT;
            }
        }
        return shift;
    }

    private boolean isProc(long value) {
        return reader.isSlot(value) && RubyType.of(memory.readLong(value)) == RubyType.DATA;
    }
}
