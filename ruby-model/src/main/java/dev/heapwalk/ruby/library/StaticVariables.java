// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.library;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.TouchedPages;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** The static variables of the interpreter that may be pointers, for what no symbol names. */
public final class StaticVariables {
    private static final int STEP = 1 << 16;

    private final AddressSpace memory;
    private final List<Range> ranges;

    public StaticVariables(AddressSpace memory, RubyModule ruby) {
        this.memory = memory;
        this.ranges = ruby.variables();
    }

    /** Whether what a variable holds is what is looked for; {@link UnmappedAddressException} says no. */
    public interface Test {
        boolean holds(long address, long value);
    }

    /** The address of the first one that passes a test, 0 if none does. */
    public long find(Test test) {
        TouchedPages touched = memory.touched();
        for (Range range : ranges) {
            for (long at = first(touched, range.start(), range.end());
                    range.end() - at >= Long.BYTES;
                    at = first(touched, at, range.end())) {
                int length = (int) Math.min(STEP, range.end() - at) & ~7;
                MemorySegment words = MemorySegment.ofArray(new long[length / 8]);
                long got = memory.read(at, words);
                for (long offset = 0; offset + 8 <= got; offset += 8) {
                    long value = words.get(Words.LONG, offset);
                    if (value != 0 && (value & 7) == 0 && holds(test, at + offset, value)) {
                        return at + offset;
                    }
                }
                at += length;
            }
        }
        return 0;
    }

    /** Where something may be, from an address on. */
    private long first(TouchedPages touched, long address, long end) {
        return touched.next(memory.nextReadable(address, end), end) + 7 & ~7L;
    }

    private static boolean holds(Test test, long address, long value) {
        try {
            return test.holds(address, value);
        } catch (UnmappedAddressException e) {
            return false;
        }
    }
}
