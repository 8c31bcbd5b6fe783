// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.layout.ObjectLayout;
import dev.heapwalk.ruby.layout.RubyLayout;

/** A MatchData. C names {@code struct RMatch}, {@code struct rmatch} and {@code struct re_registers}. */
public final class RMatch extends RValue {
    private static final int NUM_REGS = 4;
    private static final int BEG = 8;
    private static final int END = 16;

    private final ObjectLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the slots
     */
    public RMatch(ObjectReader reader) {
        super(reader);
        this.layout = RubyLayout.of(reader.series()).object();
    }

    /**
     * The String that was matched.
     *
     * @return {@code str}, a {@code VALUE}
     */
    public long string() {
        return longAt(16);
    }

    /**
     * The Regexp, or the String that was looked for.
     *
     * @return {@code regexp}, a {@code VALUE}
     */
    public long regexp() {
        return longAt(layout.matchInline() ? 24 : 32);
    }

    /**
     * Where what was matched is kept: the registers, and further fields behind them.
     *
     * @return target address of {@code rmatch}, since 3.3 of the {@code rb_matchext_t} in the slot; 0 if there is none
     */
    public long rmatch() {
        return layout.matchInline() ? address() + 32 : longAt(24);
    }

    /**
     * How many groups were matched, the whole match among them. As the target says, but no more than can be read.
     *
     * @return {@code num_regs}
     * @throws UnmappedAddressException if the registers can't be read
     */
    public int groups() {
        long registers = rmatch();
        if (registers == 0) {
            return 0;
        }
        int count = memory().readInt(registers + NUM_REGS);
        if (count == 0) {
            return 0;
        }
        long begins = memory().readLong(registers + BEG);
        memory().requireMapped(begins, count, Long.BYTES);
        return count;
    }

    /**
     * Where a group begins.
     *
     * @param group from 0 to {@link #groups()}
     * @return bytes from the beginning of the String, -1 if it took no part in the match
     * @throws UnmappedAddressException if it can't be read
     */
    public long begin(int group) {
        return memory().readLong(memory().readLong(rmatch() + BEG) + 8L * group);
    }

    /**
     * Where a group ends.
     *
     * @param group from 0 to {@link #groups()}
     * @return bytes from the beginning of the String, -1 if it took no part in the match
     * @throws UnmappedAddressException if it can't be read
     */
    public long end(int group) {
        return memory().readLong(memory().readLong(rmatch() + END) + 8L * group);
    }
}
