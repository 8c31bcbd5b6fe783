// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

import dev.heapwalk.memory.LongTable;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.object.RData;

/**
 * Which objects have their data where: what lies there, they answer for. All objects are looked at when one is first
 * asked for. Any number of threads may use it.
 */
public final class DataOwners {
    private static final long BUDGET = 1L << 20;

    private final RubyVm vm;
    private final LongTable owners = new LongTable();
    private boolean looked;

    /**
     * Makes one that has looked at nothing yet.
     *
     * @param vm the virtual machine whose objects are looked at
     */
    public DataOwners(RubyVm vm) {
        this.vm = vm;
    }

    /** The address of an object that has its data at an address, 0 if none has. */
    synchronized long at(long data) {
        if (!looked) {
            look();
            looked = true;
        }
        return owners.get(data, 0);
    }

    private void look() {
        ObjectReader reader = vm.reader(BUDGET);
        try {
            SlotCursor slot = vm.slots(reader);
            while (slot.next()) {
                if (slot.state() == SlotState.LIVE && slot.type() == RubyType.DATA) {
                    RData object = slot.asData();
                    long data = object.data();
                    if (data != 0 && !object.embedded()) {
                        owners.put(data, object.address());
                    }
                }
            }
        } finally {
            reader.memory().close();
        }
    }
}
