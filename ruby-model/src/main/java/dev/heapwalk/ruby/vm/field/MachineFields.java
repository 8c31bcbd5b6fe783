// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm.field;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.layout.MarkLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.ValueFields;

/** The fields of the virtual machine, by their names in C. C names {@code rb_vm_t} and {@code rb_box_t}. */
public final class MachineFields {
    private final ObjectReader reader;
    private final Reader memory;
    private final RubyLayout layout;
    private final MarkLayout.Machine machine;
    private final long address;

    /**
     * Makes one.
     *
     * @param reader what reads the heap
     */
    public MachineFields(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.layout = RubyLayout.of(reader.edition());
        this.machine = layout.mark().machine();
        this.address = reader.vm().address();
    }

    /**
     * Where a field is that holds a value.
     *
     * @param name its name in C, such as {@code loaded_features}
     * @return a target address; 0 if this version has no such field
     * @throws UnmappedAddressException if what tells that can't be read
     */
    public long place(String name) {
        if (name.equals("mark_object_ary")) {
            return address + layout.vm().markObjectAry();
        }
        int offset = machine.values().offset(name);
        if (offset >= 0) {
            return address + offset;
        }
        int later = machine.laterValues().offset(name);
        if (later >= 0) {
            return address + reader.vm().moved(memory) + later;
        }
        ValueFields box = layout.data().box();
        if (machine.boxes() < 0 || box.offset(name) < 0) {
            return 0;
        }
        long root = memory.readLong(address + machine.boxes());
        long main = memory.readLong(address + machine.boxes() + Long.BYTES);
        long acting = main == 0 ? root : main;
        return acting == 0 ? 0 : acting + box.offset(name);
    }

    /**
     * A field that holds a value.
     *
     * @param name its name in C, such as {@code loaded_features}
     * @return what it holds; 0 if it holds nothing, or this version has no such field
     * @throws UnmappedAddressException if it can't be read
     */
    public long value(String name) {
        long place = place(name);
        return place == 0 ? 0 : memory.readLong(place);
    }

    /**
     * What {@code Coverage} counts.
     *
     * @return {@code coverage_mode}, 0 if it can't be read
     */
    public int coverageMode() {
        int[] offsets = machine.laterValues().offsets();
        long at = address + reader.vm().moved(memory) + offsets[offsets.length - 1] + MarkLayout.Machine.COVERAGE_MODE;
        return memory.find(at, Integer.BYTES) < 0 ? 0 : memory.readInt(at);
    }
}
