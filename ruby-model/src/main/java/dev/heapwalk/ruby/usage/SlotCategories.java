// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.usage;

import dev.heapwalk.malloc.usage.Category;
import dev.heapwalk.malloc.usage.Domain;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.object.DataTypes;
import dev.heapwalk.ruby.object.ImemoType;
import java.util.HashMap;
import java.util.Map;

/** Names what slots are used for: the class as the kind, the type as the detail. One object for each pair. */
final class SlotCategories {
    private final ObjectReader reader;
    private final DataTypes dataTypes = new DataTypes();
    private final Map<Long, String> names = new HashMap<>();
    private final Map<String, Category[]> byName = new HashMap<>();
    private final Map<String, Map<String, Category>> byDetail = new HashMap<>();
    private final Category[] imemos = new Category[2 * ImemoType.values().length];
    private long lastClass = -1;
    private Category[] last;

    SlotCategories(ObjectReader reader) {
        this.reader = reader;
    }

    /** What the object in a slot is. */
    Category ofSlot(SlotCursor slot) {
        if (slot.state() == SlotState.UNSWEPT) {
            return named("garbage", slot.type().label() + ", not swept yet");
        }
        if (slot.type() == RubyType.DATA) {
            String type = dataTypes.of(slot.asData());
            return named(name(slot.klass()), type == null ? "T_DATA" : "T_DATA " + type);
        }
        return slot.type() == RubyType.IMEMO ? imemo(slot, 0) : of(slot.klass(), slot.type(), 0);
    }

    /** What a buffer that the object in a slot owns is. */
    Category ofBuffer(SlotCursor slot) {
        if (slot.type() == RubyType.DATA) {
            String type = dataTypes.of(slot.asData());
            return named(name(slot.klass()), type == null ? "T_DATA buffer" : "T_DATA " + type + " buffer");
        }
        return slot.type() == RubyType.IMEMO ? imemo(slot, 1) : of(slot.klass(), slot.type(), 1);
    }

    /** An imemo has no class: the word may hold anything. */
    private Category imemo(SlotCursor slot, int buffer) {
        ImemoType type = reader.imemoType(slot.flags());
        int index = 2 * type.ordinal() + buffer;
        if (imemos[index] == null) {
            imemos[index] = new Category(Domain.RUBY, type.label(), buffer == 0 ? "T_IMEMO" : "T_IMEMO buffer");
        }
        return imemos[index];
    }

    private Category of(long klass, RubyType type, int buffer) {
        if (klass != lastClass) {
            last = byName.computeIfAbsent(name(klass), name -> new Category[2 * RubyType.values().length]);
            lastClass = klass;
        }
        int index = 2 * type.ordinal() + buffer;
        Category known = last[index];
        return known != null
                ? known
                : (last[index] =
                        new Category(Domain.RUBY, name(klass), buffer == 0 ? type.label() : type.label() + " buffer"));
    }

    Category named(String kind, String detail) {
        return byDetail.computeIfAbsent(kind, name -> new HashMap<>())
                .computeIfAbsent(detail, name -> new Category(Domain.RUBY, kind, name));
    }

    private String name(long klass) {
        return names.computeIfAbsent(klass, this::realName);
    }

    /** The name of the class that a program sees. */
    private String realName(long klass) {
        if (klass == 0) {
            return "internal";
        }
        long real = reader.classNames().realClass(klass);
        if (real == 0 && !isModule(klass)) {
            return "class unknown";
        }
        String name = reader.classNames().of(real == 0 ? klass : real);
        return name == null ? "anonymous" : name;
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
