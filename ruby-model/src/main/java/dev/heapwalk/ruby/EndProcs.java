// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.struct.Words;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Finds the list of what runs at the end of the program. It hangs on a variable that no symbol names: C names {@code end_procs}
 * and {@code struct end_proc_data}, a function of the interpreter, its data and the next.
 */
final class EndProcs {
    private static final int STEP = 1 << 16;

    private final ObjectReader reader;
    private final RData view;

    EndProcs(ObjectReader reader) {
        this.reader = reader;
        this.view = new RData(reader);
    }

    /** What the functions get, the one that runs first at the beginning. Empty if there are none. */
    List<Long> find() {
        RubyModule ruby = RubyModule.find(reader.vm().target(), true);
        List<Long> found = new ArrayList<>();
        if (ruby == null) {
            return found;
        }
        for (ElfModule.Range range : ruby.module().writableSegments()) {
            for (long at = range.start() + 7 & ~7L; at < range.end(); ) {
                int length = (int) Math.min(STEP, range.end() - at) & ~7;
                MemorySegment words = MemorySegment.ofArray(new long[length / 8]);
                long got = reader.vm().target().memory().read(at, words);
                for (long offset = 0; offset + 8 <= got; offset += 8) {
                    long value = words.get(Words.LONG, offset);
                    if (value != 0 && (value & 7) == 0) {
                        take(value, ruby.module(), found);
                    }
                }
                at += Math.max(8, length);
            }
        }
        return found;
    }

    /** Takes a list if it is one: functions of code, and at least one proc. */
    private void take(long list, ElfModule module, List<Long> found) {
        List<Long> data = new ArrayList<>();
        boolean proc = false;
        try {
            long at = list;
            while (at != 0) {
                if (data.size() == Marking.LONGEST_LIST || reader.find(at, 24) < 0 || !isCode(reader.word(at))) {
                    return;
                }
                long value = reader.word(at + 8);
                if (!reader.isSlot(value) && reader.layout().constants().isReference(value)) {
                    return;
                }
                RData object = reader.isSlot(value) ? reader.at(value, view) : null;
                boolean isProc = object != null && object.type() == RubyType.DATA && "proc".equals(DataTypes.name(object));
                proc |= isProc;
                data.add(value);
                at = reader.word(at + 16);
                if (at != 0 && (at & 7) != 0) {
                    return;
                }
            }
        } catch (UnmappedAddressException e) {
            return;
        }
        if (proc) {
            found.addAll(data);
        }
    }

    private boolean isCode(long address) {
        return reader.vm().target().memory().mappings().at(address).map(Mapping::executable).orElse(false);
    }
}
