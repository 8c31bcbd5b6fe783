// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.gc;

import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonInterpreter;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.gc.TypeRule.Kind;
import dev.heapwalk.python.layout.DictLayout;
import dev.heapwalk.python.layout.InstanceLayout;
import dev.heapwalk.python.layout.IntLayout;
import dev.heapwalk.python.layout.MemberLayout;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.ReferenceTable;
import dev.heapwalk.python.layout.TypeLayout;
import dev.heapwalk.python.object.PyDict;
import dev.heapwalk.python.object.PyLong;
import dev.heapwalk.python.object.PyModule;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Finds out for each type how its objects are gone through, and keeps that. A class that was written in Python has
 * {@code subtype_traverse} as its {@code tp_traverse}: slots, dictionary, type, and what the type does that it is
 * derived from. A type that was written in C is known by its name or by that of a type that has the same function.
 */
final class TypeRules {
    private static final int DEEPEST = 64;
    private static final int LONGEST_NAME = 128;
    private static final int MOST_HIDDEN = 255;
    private static final int MOST_SLOTS = 1 << 12;
    private static final long LARGEST = 1 << 20;
    /** So many classes of modules with the same function are enough. */
    private static final int ENOUGH = 8;

    private static final int MOST_MODULES = 1 << 12;
    private static final int MOST_NAMES = 1 << 16;

    private final PythonRuntime runtime;
    private final ObjectReader reader;
    private final Reader memory;
    private final PythonLayout layout;
    private final int shift;
    private final ReferenceTable table;
    private final LongTable numbers = new LongTable();
    private final List<TypeRule> rules = new ArrayList<>();
    /** The function of classes that were written in Python; -1 until it is looked for. */
    private long subtypeTraverse = -1;
    /** The function of dictionaries with any keys; -1 until it is looked for. */
    private long generalLookup = -1;

    TypeRules(PythonRuntime runtime, ObjectReader reader) {
        this.runtime = runtime;
        this.reader = reader;
        this.memory = reader.memory();
        this.layout = PythonLayout.of(reader.series(), reader.freeThreaded());
        this.shift = layout.object().shift();
        this.table = ReferenceTable.of(reader.series(), runtime.version(), reader.freeThreaded());
    }

    TypeRule of(long type) {
        int number = (int) numbers.get(type, -1);
        if (number < 0) {
            number = rules.size();
            rules.add(make(type));
            numbers.put(type, number);
        }
        return rules.get(number);
    }

    /** Whether the collector goes through values that lie in an instance though it has a dictionary. */
    boolean valuesHideDict() {
        return table.valuesHideDict();
    }

    private long word(long type, int field) {
        return reader.field(type, field);
    }

    private TypeRule make(long type) {
        long flags = reader.flags(type);
        boolean collected = (flags & TypeLayout.HAVE_GC) != 0 && word(type, TypeLayout.TRAVERSE) != 0;
        List<Long> slots = new ArrayList<>();
        List<Long> names = new ArrayList<>();
        long base = type;
        for (int i = 0; i < DEEPEST && isPython(base); i++) {
            slots(base, slots, names);
            long next = word(base, TypeLayout.BASE);
            if (reader.typeAt(next) == 0) {
                break;
            }
            base = next;
        }
        Optional<ReferenceTable.Entry> known = known(base);
        Kind kind = kind(base, known);
        boolean heapBase = isHeapType(base);
        boolean python = base != type;
        boolean baseFollows = isHeapType(traverser(base))
                && known.map(ReferenceTable.Entry::type).orElseGet(table::typesAreFollowed)
                && kind != Kind.TUPLE;
        boolean typeFollowed = python
                ? (flags & TypeLayout.HEAPTYPE) != 0 && (!table.typesAreFollowed() || !heapBase) || baseFollows
                : baseFollows;
        InstanceLayout instance = layout.instance();
        boolean hasManaged = (flags & instance.managedDict()) != 0;
        long dictOffset = word(type, TypeLayout.DICTOFFSET);
        boolean ownDict = python && dictOffset != word(base, TypeLayout.DICTOFFSET);
        dictOffset -= dictOffset > 0 ? shift : 0;
        return new TypeRule(
                kind,
                known.map(ReferenceTable.Entry::fields).orElse(List.of()),
                slots.stream().mapToInt(Long::intValue).toArray(),
                names.stream().mapToLong(Long::longValue).toArray(),
                Math.clamp(word(base, TypeLayout.BASICSIZE) - shift, 0, LARGEST),
                Math.clamp(word(type, TypeLayout.BASICSIZE) - shift, 0, LARGEST),
                Math.clamp(word(type, TypeLayout.ITEMSIZE), 0, LARGEST),
                kind == Kind.STRUCT ? hidden(base) : 0,
                ownDict && !hasManaged ? dictOffset : 0,
                hasManaged
                        && (ownDict || known.map(ReferenceTable.Entry::managed).orElse(false)),
                (flags & layout.type().inlineValues()) != 0,
                collected && typeFollowed,
                collected);
    }

    /** Whether a type was made by Python code: then what it derives from is gone through too. */
    private boolean isPython(long type) {
        long flags = reader.flags(type);
        if ((flags & TypeLayout.HEAPTYPE) == 0) {
            return false;
        }
        long traverse = word(type, TypeLayout.TRAVERSE);
        // Without slots and dictionary it has nothing to go through, and no function.
        return traverse == subtypeTraverse()
                || traverse == 0
                        && word(type, TypeLayout.BASE) != 0
                        && named(type).isEmpty();
    }

    /** The values of {@code __slots__} that a type adds. */
    private void slots(long type, List<Long> slots, List<Long> names) {
        long count = Math.clamp(word(type, ObjectLayout.SIZE), 0, MOST_SLOTS);
        long members = word(type, TypeLayout.MEMBERS);
        for (long i = 0; i < count && members != 0; i++) {
            long member = members + i * TypeLayout.MEMBER_SIZE;
            long offset = memory.readLong(member + MemberLayout.OFFSET, 0) - shift;
            if (memory.readInt(member + MemberLayout.TYPE, -1) == MemberLayout.OBJECT
                    && offset >= ObjectLayout.BYTES
                    && offset < LARGEST) {
                slots.add(offset);
                names.add(memory.readLong(member + MemberLayout.NAME, 0));
            }
        }
    }

    private boolean isHeapType(long type) {
        return (reader.flags(type) & TypeLayout.HEAPTYPE) != 0;
    }

    /** The type that a type has its function from: that of a variable goes through no type. */
    private long traverser(long type) {
        long traverse = word(type, TypeLayout.TRAVERSE);
        long one = type;
        for (int i = 0; i < DEEPEST && traverse != 0; i++) {
            long base = word(one, TypeLayout.BASE);
            if (base == 0 || word(base, TypeLayout.TRAVERSE) != traverse) {
                break;
            }
            one = base;
        }
        return one;
    }

    /** What the table has of a type, or of the one that it has its function from. */
    private Optional<ReferenceTable.Entry> known(long type) {
        long traverse = word(type, TypeLayout.TRAVERSE);
        long one = type;
        for (int i = 0; i < DEEPEST && one != 0 && word(one, TypeLayout.TRAVERSE) == traverse; i++) {
            Optional<ReferenceTable.Entry> found = named(one);
            if (found.isPresent()) {
                return found;
            }
            one = word(one, TypeLayout.BASE);
        }
        return Optional.empty();
    }

    /** What the table has of the name of a type. That of a class that was written in Python has no module in it. */
    private Optional<ReferenceTable.Entry> named(long type) {
        String name = name(type);
        return (reader.flags(type) & TypeLayout.HEAPTYPE) != 0 && name.indexOf('.') < 0
                ? Optional.empty()
                : table.find(name, word(type, TypeLayout.BASICSIZE) - shift);
    }

    private String name(long type) {
        return memory.readCString(word(type, TypeLayout.TP_NAME), LONGEST_NAME, "");
    }

    private Kind kind(long type, Optional<ReferenceTable.Entry> known) {
        if (known.isPresent()) {
            String rule = known.get().rule();
            return rule.isEmpty() ? Kind.PLAIN : Kind.valueOf(rule.toUpperCase(Locale.ROOT));
        }
        if (word(type, TypeLayout.TRAVERSE) == 0) {
            return Kind.PLAIN;
        }
        return name(word(type, TypeLayout.BASE)).equals("tuple") ? Kind.STRUCT : Kind.GUESSED;
    }

    /**
     * Whether the collector goes through the keys of a dictionary: where all are text there is nothing to be found.
     *
     * @param dict a view that was rewound
     */
    boolean followsKeys(PyDict dict) {
        if (layout.dict().keys() < 0) {
            return true;
        }
        if (layout.dict().kind() >= 0) {
            return memory.readByte(dict.keys() + layout.dict().kind(), (byte) DictLayout.GENERAL) == DictLayout.GENERAL;
        }
        long lookup = memory.readLong(dict.keys() + layout.traversal().lookup(), 0);
        return dict.values() == 0 && lookup == generalLookup();
    }

    /** The function of dictionaries with any keys: that of the weak references to the types derived from object. */
    private long generalLookup() {
        if (generalLookup < 0) {
            long object = word(runtime.typeType(), TypeLayout.BASE);
            PyDict subclasses = new PyDict(reader);
            generalLookup = reader.find(word(object, TypeLayout.SUBCLASSES), subclasses)
                    ? memory.readLong(subclasses.keys() + layout.traversal().lookup(), 0)
                    : 0;
        }
        return generalLookup;
    }

    /** How many items a structure has that are none of the tuple: its type is larger by them, or tells their number. */
    private int hidden(long type) {
        long within =
                (word(type, TypeLayout.BASICSIZE) - shift - layout.sequence().tupleItems()) / Long.BYTES;
        if (within > 0) {
            return (int) Math.min(within, MOST_HIDDEN);
        }
        PyDict dict = new PyDict(reader);
        if (!reader.find(word(type, TypeLayout.DICT), dict)) {
            return 0;
        }
        return Math.clamp(number(dict.get("n_fields")) - number(dict.get("n_sequence_fields")), 0, MOST_HIDDEN);
    }

    private long number(long address) {
        PyLong view = new PyLong(reader);
        return reader.find(address, view)
                ? view.value(1).map(BigInteger::longValue).orElse(0L)
                : reader.field(address, IntLayout.IVAL);
    }

    private long subtypeTraverse() {
        if (subtypeTraverse < 0) {
            subtypeTraverse = findSubtypeTraverse();
        }
        return subtypeTraverse;
    }

    /** The function that most classes of modules have. */
    private long findSubtypeTraverse() {
        LongTable votes = new LongTable();
        PyDict modules = new PyDict(reader);
        PyDict names = new PyDict(reader);
        PyModule module = new PyModule(reader);
        long[] best = new long[2];
        int namesLeft = MOST_NAMES;
        for (PythonInterpreter interpreter : runtime.interpreters()) {
            if (!reader.find(interpreter.modules(), modules)) {
                continue;
            }
            for (int i = 0; i < MOST_MODULES && modules.next(); i++) {
                if (!reader.find(modules.value(), module) || !reader.find(module.dict(), names)) {
                    continue;
                }
                while (names.next() && namesLeft-- > 0) {
                    vote(names.value(), votes, best);
                    if (best[1] >= ENOUGH) {
                        return best[0];
                    }
                }
            }
        }
        return best[0];
    }

    private void vote(long value, LongTable votes, long[] best) {
        if (reader.typeAt(value) != runtime.typeType()) {
            return;
        }
        long flags = reader.flags(value);
        long wanted = TypeLayout.HEAPTYPE | TypeLayout.HAVE_GC;
        long traverse = word(value, TypeLayout.TRAVERSE);
        if ((flags & wanted) != wanted || traverse == 0) {
            return;
        }
        // Types of C code have a function of their own each, but may be in many modules.
        if (votes.get(value, 0) != 0) {
            return;
        }
        votes.put(value, 1);
        long count = votes.add(traverse, 1);
        if (count > best[1]) {
            best[0] = traverse;
            best[1] = count;
        }
    }
}
