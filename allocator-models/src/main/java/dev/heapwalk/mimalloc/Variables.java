// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.TouchedPages;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Goes through the words of the variables of modules that are not zero. */
final class Variables {
    private static final long PAGE = 4096;

    private Variables() {}

    /** Is told of each word. */
    interface Visitor {
        void word(ElfModule module, long address, long word);
    }

    static void each(AddressSpace memory, List<ElfModule> modules, Visitor visitor) {
        TouchedPages touched = memory.touched();
        try (Window window = memory.window()) {
            for (ElfModule module : modules) {
                for (Range range : module.writableSegments()) {
                    each(window, touched, module, range, visitor);
                }
            }
        }
    }

    private static void each(Window window, TouchedPages touched, ElfModule module, Range range, Visitor visitor) {
        long at = range.start() + Long.BYTES - 1 & -Long.BYTES;
        while (at < range.end()) {
            at = touched.next(at, range.end()) & -Long.BYTES;
            long wanted = Math.min((at & -PAGE) + PAGE, range.end()) - at & -Long.BYTES;
            if (wanted <= 0) {
                return;
            }
            long offset = window.find(at, wanted);
            if (offset >= 0) {
                MemorySegment segment = window.segment();
                for (long i = 0; i < wanted; i += Long.BYTES) {
                    long word = segment.get(Words.LONG, offset + i);
                    if (word != 0) {
                        visitor.word(module, at + i, word);
                    }
                }
            }
            at += wanted;
        }
    }
}
