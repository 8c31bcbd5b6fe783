// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.usage;

import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.content.Allocations;
import dev.heapwalk.ruby.object.DataTypes;
import dev.heapwalk.ruby.object.ImemoType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Names what slots are used for: the class as the kind, the type as the detail. One object for each pair, and none for
 * a slot whose class and type were seen before.
 */
final class SlotCategories {
    private static final int TYPES = RubyType.values().length;

    /** What has one class name. */
    private static final class OfClass {
        private final String name;
        /** By type, for the object and behind it for its buffer. */
        private final Category[] byType = new Category[2 * TYPES];
        /** By the name of the type of data. */
        private final Map<Optional<String>, Category> byDataType = new HashMap<>();

        private final Map<Optional<String>, Category> buffersByDataType = new HashMap<>();

        OfClass(String name) {
            this.name = name;
        }

        Category of(RubyType type, boolean buffer) {
            int index = type.ordinal() + (buffer ? TYPES : 0);
            Category known = byType[index];
            return known != null ? known : (byType[index] = category(name, type.label() + (buffer ? " buffer" : "")));
        }

        Category ofData(Optional<String> type, boolean buffer) {
            Map<Optional<String>, Category> byName = buffer ? buffersByDataType : byDataType;
            Category known = byName.get(type);
            if (known == null) {
                known = category(name, type.map("T_DATA "::concat).orElse("T_DATA") + (buffer ? " buffer" : ""));
                byName.put(type, known);
            }
            return known;
        }
    }

    private ObjectReader reader;
    /** Where objects were made; null before it was looked for. */
    private Allocations allocations;
    /** By where they were made, the categories of what was made there. */
    private final Map<Long, Map<Category, Category>> byPlace = new HashMap<>();

    private final DataTypes dataTypes = new DataTypes();
    /** From the address of a class to its place in the list, for all but 0. */
    private final LongTable numbers = new LongTable();

    private final List<OfClass> classes = new ArrayList<>();
    private final Map<String, OfClass> byName = new HashMap<>();
    private final Category[] imemos = new Category[2 * ImemoType.values().length];
    private final Category[] garbage = new Category[TYPES];
    private final Category rest = category("heap page", "header and free slots");
    private final OfClass internal = byName("internal");
    private long lastClass;
    private OfClass last = internal;

    SlotCategories(ObjectReader reader) {
        this.reader = reader;
    }

    /** Forgets what lies at which address, and keeps the categories. */
    void restart(ObjectReader now) {
        reader = now;
        if (allocations != null) {
            // Who has traced nothing at the first look is not looked at again: that takes a walk.
            allocations = allocations.isEmpty() ? Allocations.none(now) : null;
        }
        byPlace.clear();
        dataTypes.forget();
        numbers.reuse();
        classes.clear();
        lastClass = 0;
        last = internal;
    }

    static Category category(String kind, String detail) {
        return new Category(RubyHeap.DOMAIN, kind, detail);
    }

    /** What is no slot in use. */
    Category rest() {
        return rest;
    }

    /** What the object in a slot is. */
    Category ofSlot(SlotCursor slot) {
        return slot.state() == SlotState.UNSWEPT ? garbage(slot.type()) : of(slot, false);
    }

    /** What a buffer that the object in a slot owns is. */
    Category ofBuffer(SlotCursor slot) {
        return of(slot, true);
    }

    /** What it is, and where it was made if that was traced. */
    private Category of(SlotCursor slot, boolean buffer) {
        if (allocations == null) {
            allocations = Allocations.find(reader);
        }
        if (allocations.isEmpty()) {
            return plain(slot, buffer);
        }
        long address = slot.address();
        Category category = plain(slot, buffer);
        try {
            return allocations.over(address)
                    ? byPlace.computeIfAbsent(allocations.place(), place -> new HashMap<>())
                            .computeIfAbsent(category, this::atPlace)
                    : category;
        } catch (UnmappedAddressException e) {
            return category;
        }
    }

    private Category atPlace(Category category) {
        return category(category.kind(), category.detail() + " at " + allocations.text());
    }

    private Category plain(SlotCursor slot, boolean buffer) {
        RubyType type = slot.type();
        return switch (type) {
            // It has no class: the word may hold anything.
            case IMEMO -> imemo(slot, buffer);
            case DATA -> ofClass(slot.klass()).ofData(dataTypes.of(slot.asData()), buffer);
            default -> ofClass(slot.klass()).of(type, buffer);
        };
    }

    private Category garbage(RubyType type) {
        Category known = garbage[type.ordinal()];
        return known != null
                ? known
                : (garbage[type.ordinal()] = category("garbage", type.label() + ", not swept yet"));
    }

    private Category imemo(SlotCursor slot, boolean buffer) {
        ImemoType type = reader.imemoType(slot.flags());
        int index = 2 * type.ordinal() + (buffer ? 1 : 0);
        Category known = imemos[index];
        return known != null ? known : (imemos[index] = category(type.label(), buffer ? "T_IMEMO buffer" : "T_IMEMO"));
    }

    private OfClass ofClass(long klass) {
        if (klass != lastClass) {
            lastClass = klass;
            last = klass == 0 ? internal : known(klass);
        }
        return last;
    }

    private OfClass known(long klass) {
        int number = (int) numbers.get(klass, -1);
        if (number >= 0) {
            return classes.get(number);
        }
        OfClass found = byName(realName(klass));
        numbers.put(klass, classes.size());
        classes.add(found);
        return found;
    }

    private OfClass byName(String name) {
        return byName.computeIfAbsent(name, OfClass::new);
    }

    /** The name of the class that a program sees. */
    private String realName(long klass) {
        long real = reader.classNames().realClass(klass);
        if (real == 0 && !isModule(klass)) {
            return "class unknown";
        }
        return reader.classNames().of(real == 0 ? klass : real).orElse("anonymous");
    }

    /** Whether it is a module, which a module's place among ancestors has for a class. */
    private boolean isModule(long klass) {
        try {
            RValue found = reader.isSlot(klass) ? reader.at(klass) : null;
            return found != null && found.type() == RubyType.MODULE;
        } catch (UnmappedAddressException e) {
            return false;
        }
    }
}
