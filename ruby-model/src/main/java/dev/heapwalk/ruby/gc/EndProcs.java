// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.layout.VmLayout;
import dev.heapwalk.ruby.library.RubyModule;
import dev.heapwalk.ruby.library.StaticVariables;
import dev.heapwalk.ruby.object.DataTypes;
import dev.heapwalk.ruby.object.RData;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Finds the list of what runs at the end of the program. It hangs on a variable that no symbol names: C names {@code
 * end_procs} and {@code struct end_proc_data}, a function of the interpreter, its data and the next.
 */
final class EndProcs {
    private static final Optional<String> PROC = Optional.of("proc");

    private final ObjectReader reader;
    private final Reader memory;
    private final RData view;

    EndProcs(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.view = new RData(reader);
    }

    /** What the functions get, the one that runs first at the beginning. Empty if there are none. */
    List<Long> find() {
        RubyModule ruby = RubyModule.find(reader.vm().target(), true);
        List<Long> found = new ArrayList<>();
        if (ruby == null) {
            return found;
        }
        new StaticVariables(reader.vm().target().memory(), ruby).find((address, value) -> {
            take(value, found);
            return false;
        });
        return found;
    }

    /** Takes a list if it is one: functions of code, and at least one proc. */
    private void take(long list, List<Long> found) {
        List<Long> data = new ArrayList<>();
        boolean proc = false;
        long at = list;
        while (at != 0) {
            if (data.size() == Marking.LONGEST_LIST
                    || memory.find(at, VmLayout.END_PROC_SIZE) < 0
                    || !isCode(memory.readLong(at))) {
                return;
            }
            long value = memory.readLong(at + VmLayout.END_PROC_DATA);
            if (!reader.isSlot(value) && reader.constants().isReference(value)) {
                return;
            }
            proc |= reader.find(value, view)
                    && view.type() == RubyType.DATA
                    && DataTypes.name(view).equals(PROC);
            data.add(value);
            at = memory.readLong(at + VmLayout.END_PROC_NEXT);
            if (at != 0 && (at & 7) != 0) {
                return;
            }
        }
        if (proc) {
            found.addAll(data);
        }
    }

    private boolean isCode(long address) {
        return reader.vm()
                .target()
                .memory()
                .mappings()
                .at(address)
                .map(Mapping::executable)
                .orElse(false);
    }
}
