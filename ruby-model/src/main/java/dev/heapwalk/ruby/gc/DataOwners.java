// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

import dev.heapwalk.heap.EdgeSink;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.layout.ImemoLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.TableLayout;
import dev.heapwalk.ruby.object.ImemoType;
import dev.heapwalk.ruby.object.RData;
import dev.heapwalk.ruby.object.RObject;
import dev.heapwalk.ruby.object.Shapes;
import dev.heapwalk.ruby.table.StEntries;

/**
 * Which objects have their data where, or their elements, bytes, tables and instance variables: what lies there, they
 * answer for. All objects are looked at when one is first asked for. Any number of threads may use it.
 */
public final class DataOwners {
    private static final long BUDGET = 1L << 20;

    private final RubyVm vm;
    /** Null before the first look. */
    private volatile OwnerTable table;

    /**
     * Makes one that has looked at nothing yet.
     *
     * @param vm the virtual machine whose objects are looked at
     */
    public DataOwners(RubyVm vm) {
        this.vm = vm;
    }

    /** The address of an object whose data C code has at an address, 0 if there is none. */
    long ofData(long address) {
        return table().owner(address, true);
    }

    /** The address of an object that Ruby itself gave the memory that begins at an address, 0 if there is none. */
    long ofBuffer(long address) {
        return table().owner(address, false);
    }

    private OwnerTable table() {
        OwnerTable known = table;
        return known == null ? look() : known;
    }

    private synchronized OwnerTable look() {
        if (table == null) {
            ObjectReader reader = vm.reader(BUDGET);
            try (SlotCursor slot = vm.slots(reader)) {
                OwnerTable found = new Look(reader, slot).all();
                found.sort();
                table = found;
            } finally {
                reader.memory().close();
            }
        }
        return table;
    }

    /** A look at all objects. */
    private static final class Look {
        private final ObjectReader reader;
        private final Reader memory;
        private final SlotCursor slot;
        private final OwnedMemory owned;
        private final OwnerTable found;
        private final EdgeSink taking;
        private final boolean shapes;

        Look(ObjectReader reader, SlotCursor slot) {
            this.reader = reader;
            this.memory = reader.memory();
            this.slot = slot;
            this.owned = OwnedMemory.ofValues(reader);
            this.found = new OwnerTable(new SlotNumbers(reader.vm().pages()));
            this.taking = (address, kind, label) -> found.add(address, slot.address(), false);
            this.shapes = RubyLayout.of(reader.series()).object().shapesInFlags();
        }

        OwnerTable all() {
            while (slot.next()) {
                if (slot.state() == SlotState.LIVE) {
                    try {
                        take();
                    } catch (UnmappedAddressException e) {
                        // What can't be read answers for nothing that can be told.
                    }
                }
            }
            takeGenericIvars();
            return found;
        }

        private void take() {
            switch (slot.type()) {
                case DATA -> {
                    RData object = slot.asData();
                    if (!object.embedded()) {
                        found.add(object.data(), slot.address(), true);
                    }
                }
                case STRING -> {
                    // The bytes of others may be an extension's own.
                    if (slot.asString().ownsBuffer()) {
                        takeOwned();
                    }
                }
                case OBJECT -> {
                    RObject object = slot.asObject();
                    if (object.tooComplex()) {
                        take(object.table(), slot.address());
                    } else {
                        takeOwned();
                    }
                }
                case IMEMO -> {
                    if (reader.imemoType(slot.flags()) == ImemoType.FIELDS) {
                        if (reader.shapes().tooComplex(Shapes.of(slot.flags()))) {
                            take(slot.asValue().readLong(ImemoLayout.FIELDS_VALUES), slot.address());
                        } else {
                            takeOwned();
                        }
                    }
                }
                case ARRAY, STRUCT, HASH, FILE, CLASS, MODULE -> takeOwned();
                default -> {
                    // It has no values outside the slot.
                }
            }
        }

        private void takeOwned() {
            owned.of(slot.asValue(), taking);
        }

        /** Takes an {@code st_table} and its entries. */
        private void take(long table, long owner) {
            found.add(table, owner, false);
            if (table != 0) {
                found.add(memory.readLong(table + TableLayout.ST_ENTRIES), owner, false);
            }
        }

        /** Until 3.4 a structure has the values of each, or a table of them; since 4.0 objects have them. */
        private void takeGenericIvars() {
            try {
                StEntries entries = new StEntries(reader).over(reader.vm().genericIvars());
                while (entries.next()) {
                    if (reader.isSlot(entries.key()) && !reader.isSlot(entries.record())) {
                        takeGenericIvars(entries.key(), entries.record());
                    }
                }
            } catch (UnmappedAddressException e) {
                // What is left of the table can't be read.
            }
        }

        private void takeGenericIvars(long owner, long values) {
            found.add(values, owner, false);
            try {
                if (shapes && reader.shapes().tooComplex(Shapes.of(memory.readLong(owner)))) {
                    take(memory.readLong(values), owner);
                }
            } catch (UnmappedAddressException e) {
                // No table then.
            }
        }
    }
}
