// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.content.Allocations;
import dev.heapwalk.text.JsonLines;
import java.io.OutputStream;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * How many slots there are of each type, as {@code ObjectSpace.count_objects} counts them, and how many instances of
 * some classes.
 *
 * <p>Garbage on pages that are not swept yet is counted among the types, as Ruby itself does, but not among the
 * classes.
 */
public final class ObjectCounts {
    private static final byte[] TOTAL = JsonLines.ascii("{\"total_slots\":");
    private static final byte[] FREE = JsonLines.ascii(",\"free_slots\":");
    private static final byte[] GARBAGE = JsonLines.ascii(",\"garbage_slots\":");
    private static final byte[] TYPES = JsonLines.ascii(",\"basic_types\":{");
    private static final byte[] CLASSES = JsonLines.ascii("},\"user_types\":{");
    private static final byte[] PLACES = JsonLines.ascii("},\"allocations\":{");
    private static final byte[] END = JsonLines.ascii("}}");

    /** The count of one class. */
    private static final class Count {
        private long instances;
    }

    /** Of a class that is not asked for. */
    private static final Count NOBODY = new Count();

    private final ObjectReader reader;
    private final List<String> names;
    private final long[] types = new long[RubyType.values().length];
    private final Map<Long, Count> byClass = new HashMap<>();
    private final SortedMap<String, Count> byName = new TreeMap<>();
    private final Allocations allocations;
    private final Map<Long, Count> byPlace = new HashMap<>();
    private final Map<Long, String> places = new HashMap<>();
    private long total;
    private long garbage;

    private ObjectCounts(ObjectReader reader, List<String> names, Allocations allocations) {
        this.reader = reader;
        this.allocations = allocations;
        this.names = List.copyOf(names);
    }

    /**
     * Counts all slots that a cursor has yet to come to.
     *
     * @param slots the cursor; afterwards its holes tell what is left out
     * @param reader a reader of the same virtual machine
     * @param names full names of classes, whose instances are counted, and of modules, for the classes in their
     *     namespaces
     * @return the counts
     */
    public static ObjectCounts of(SlotCursor slots, ObjectReader reader, List<String> names) {
        ObjectCounts counts = new ObjectCounts(reader, names, Allocations.none(reader));
        counts.all(slots);
        return counts;
    }

    /**
     * As {@link #of(SlotCursor, ObjectReader, List)}, and counts the objects by where they were made as well, of those
     * that {@code ObjectSpace.trace_object_allocations} saw: all, or the instances of the classes that are asked for.
     *
     * @param slots the cursor; afterwards its holes tell what is left out
     * @param reader a reader of the same virtual machine
     * @param names full names of classes and modules, as there
     * @return the counts
     */
    public static ObjectCounts withPlaces(SlotCursor slots, ObjectReader reader, List<String> names) {
        ObjectCounts counts = new ObjectCounts(reader, names, Allocations.find(reader));
        counts.all(slots);
        return counts;
    }

    private void all(SlotCursor slot) {
        boolean classes = !names.isEmpty();
        boolean traced = !allocations.isEmpty();
        long lastClass = 0;
        Count last = NOBODY;
        while (slot.next()) {
            total++;
            RubyType type = slot.type();
            types[type.ordinal()]++;
            SlotState state = slot.state();
            if (state == SlotState.UNSWEPT) {
                garbage++;
            }
            if (classes && state == SlotState.LIVE && hasClass(type)) {
                long klass = slot.klass();
                if (klass != lastClass) {
                    lastClass = klass;
                    last = byClass.computeIfAbsent(klass, this::countOf);
                }
                last.instances++;
                if (traced && last != NOBODY) {
                    place(slot.address());
                }
            } else if (traced && !classes && state == SlotState.LIVE) {
                place(slot.address());
            }
        }
    }

    private void place(long address) {
        try {
            if (allocations.over(address)) {
                Count count = byPlace.get(allocations.place());
                if (count == null) {
                    count = new Count();
                    byPlace.put(allocations.place(), count);
                    places.put(allocations.place(), allocations.text());
                }
                count.instances++;
            }
        } catch (UnmappedAddressException e) {
            // Nobody knows where it was made.
        }
    }

    private static boolean hasClass(RubyType type) {
        return switch (type) {
            case IMEMO, NODE, ICLASS, UNKNOWN -> false;
            default -> true;
        };
    }

    /** The count of the class that Ruby would name for an object: neither a singleton class nor a module's place. */
    private Count countOf(long klass) {
        Optional<String> known = reader.classNames().of(reader.classNames().realClass(klass));
        if (known.isPresent()) {
            String name = known.get();
            for (String wanted : names) {
                if (name.startsWith(wanted)
                        && (name.length() == wanted.length() || name.startsWith("::", wanted.length()))) {
                    return byName.computeIfAbsent(name, added -> new Count());
                }
            }
        }
        return NOBODY;
    }

    /**
     * How many slots there are.
     *
     * @return a count, free ones included
     */
    public long total() {
        return total;
    }

    /**
     * How many slots are garbage that has yet to be swept.
     *
     * @return a count; they are among their types too
     */
    public long garbage() {
        return garbage;
    }

    /**
     * How many slots have a type.
     *
     * @param type a type, {@link RubyType#NONE} for free slots
     * @return a count
     */
    public long of(RubyType type) {
        return types[type.ordinal()];
    }

    /**
     * How many instances the classes that were asked for have, by their full names.
     *
     * @return a new map, without classes that have none
     */
    public SortedMap<String, Long> instances() {
        SortedMap<String, Long> counts = new TreeMap<>();
        byName.forEach((name, count) -> counts.put(name, count.instances));
        return counts;
    }

    /**
     * How many objects were made at each place, as far as that was asked for and traced.
     *
     * @return a new map by file and line, such as {@code shop.rb:12}; the place with the most comes first
     */
    public Map<String, Long> places() {
        Map<String, Long> counts = new LinkedHashMap<>();
        byPlace.entrySet().stream()
                .sorted(Comparator.comparingLong((Map.Entry<Long, Count> place) -> -place.getValue().instances)
                        .thenComparing(place -> places.get(place.getKey())))
                .forEach(place -> counts.merge(places.get(place.getKey()), place.getValue().instances, Long::sum));
        return counts;
    }

    /**
     * Writes an object with the keys {@code total_slots}, {@code free_slots}, {@code basic_types} and {@code
     * user_types}, and {@code garbage_slots} and {@code allocations} if there are any, as a line of JSON.
     *
     * @param out where it goes; not closed
     * @throws java.io.UncheckedIOException if writing fails
     */
    public void writeTo(OutputStream out) {
        JsonLines json = new JsonLines(out);
        json.raw(TOTAL);
        json.decimal(total);
        json.raw(FREE);
        json.decimal(of(RubyType.NONE));
        if (garbage > 0) {
            json.raw(GARBAGE);
            json.decimal(garbage);
        }
        json.raw(TYPES);
        String comma = "";
        for (RubyType type : RubyType.values()) {
            if (type != RubyType.NONE && of(type) > 0) {
                member(json, comma, type.label(), of(type));
                comma = ",";
            }
        }
        json.raw(CLASSES);
        comma = "";
        for (Map.Entry<String, Long> named : instances().entrySet()) {
            member(json, comma, named.getKey(), named.getValue());
            comma = ",";
        }
        if (!byPlace.isEmpty()) {
            json.raw(PLACES);
            comma = "";
            for (Map.Entry<String, Long> place : places().entrySet()) {
                member(json, comma, place.getKey(), place.getValue());
                comma = ",";
            }
        }
        json.raw(END);
        json.newline();
        json.flush();
    }

    private static void member(JsonLines json, String comma, String name, long count) {
        json.raw(JsonLines.ascii(comma));
        json.string(name);
        json.raw(':');
        json.decimal(count);
    }
}
