// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.dump;

import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.TypeLayout;
import dev.heapwalk.python.object.PyByteArray;
import dev.heapwalk.python.object.PyBytes;
import dev.heapwalk.python.object.PyCell;
import dev.heapwalk.python.object.PyCode;
import dev.heapwalk.python.object.PyDict;
import dev.heapwalk.python.object.PyFloat;
import dev.heapwalk.python.object.PyFrame;
import dev.heapwalk.python.object.PyFunction;
import dev.heapwalk.python.object.PyGen;
import dev.heapwalk.python.object.PyList;
import dev.heapwalk.python.object.PyLong;
import dev.heapwalk.python.object.PyMethod;
import dev.heapwalk.python.object.PyModule;
import dev.heapwalk.python.object.PyObject;
import dev.heapwalk.python.object.PySet;
import dev.heapwalk.python.object.PyTuple;
import dev.heapwalk.python.object.PyTypeObject;
import dev.heapwalk.python.object.PyUnicode;
import dev.heapwalk.python.object.PyWeakref;
import dev.heapwalk.python.object.TypeName;
import dev.heapwalk.text.JsonLines;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What is the same in the lines of all objects of a type. For one thread. */
final class TypeKeys {
    /** A longer name is cut, in characters: a type may have millions of objects. */
    private static final int LONGEST_NAME = 1 << 9;

    private static final int DEEPEST = 64;
    private static final String DEQUE = "collections.deque";

    private static final byte[] TYPE = JsonLines.ascii(",\"type\":");
    private static final byte[] MODULE = JsonLines.ascii(",\"module\":");
    /** What built-in types say that they are of; in 2.7 the second. */
    private static final List<String> BUILTINS = List.of("builtins", "__builtin__");

    /** Those that no flag and no view tells: by what C calls them. */
    private static final List<Kind> BY_NAME = List.of(Kind.NONE, Kind.COMPLEX, Kind.BUILTIN, Kind.DESCRIPTOR);

    /**
     * What the lines of a type have.
     *
     * @param name its name, with the module
     * @param members {@code type} and {@code module} as members, each with a comma before it
     * @param kind what its objects are
     * @param own whether it is a built-in type itself, and not derived from one
     * @param made whether it was made while the program ran
     */
    record Keys(String name, byte[] members, Kind kind, boolean own, boolean made) {}

    private final ObjectReader reader;
    private final Map<PyObject, Kind> views = new LinkedHashMap<>();
    private Keys[] known = {};

    TypeKeys(ObjectReader reader) {
        this.reader = reader;
        views.put(new PyLong(reader), Kind.INT);
        views.put(new PyUnicode(reader), Kind.TEXT);
        views.put(new PyBytes(reader), Kind.BYTES);
        views.put(new PyTuple(reader), Kind.TUPLE);
        views.put(new PyList(reader), Kind.LIST);
        views.put(new PyDict(reader), Kind.DICT);
        views.put(new PyTypeObject(reader), Kind.TYPE);
        views.put(new PyFloat(reader), Kind.FLOAT);
        views.put(new PySet(reader), Kind.SET);
        views.put(new PyByteArray(reader), Kind.BYTE_ARRAY);
        views.put(new PyModule(reader), Kind.MODULE);
        views.put(new PyFunction(reader), Kind.FUNCTION);
        views.put(new PyMethod(reader), Kind.METHOD);
        views.put(new PyCode(reader), Kind.CODE);
        views.put(new PyCell(reader), Kind.CELL);
        views.put(new PyWeakref(reader), Kind.WEAKREF);
        views.put(new PyGen(reader), Kind.GENERATOR);
        views.put(new PyFrame(reader), Kind.FRAME);
    }

    /** Those of a type by its number and address. */
    Keys of(int number, long type) {
        if (number >= known.length) {
            known = Arrays.copyOf(known, Math.max(number + 1, 2 * known.length));
        }
        Keys keys = known[number];
        if (keys == null) {
            keys = make(type);
            known[number] = keys;
        }
        return keys;
    }

    private Keys make(long type) {
        TypeName name = reader.typeNames().of(type);
        boolean made = (reader.flags(type) & TypeLayout.HEAPTYPE) != 0;
        boolean builtin = !made && BUILTINS.contains(name.module());
        Kind kind = kind(type, builtin ? name.qualname() : "");
        return new Keys(
                name.toString(), members(name), kind, builtin && kind.names().contains(name.qualname()), made);
    }

    private Kind kind(long type, String builtin) {
        long flags = reader.flags(type);
        for (Map.Entry<PyObject, Kind> view : views.entrySet()) {
            if (view.getKey().accepts(flags) && view.getKey().acceptsType(type)) {
                return view.getValue() == Kind.INT && builtin.equals("bool") ? Kind.BOOL : view.getValue();
            }
        }
        if (isDeque(type)) {
            return Kind.DEQUE;
        }
        return BY_NAME.stream()
                .filter(kind -> kind.names().contains(builtin))
                .findFirst()
                .orElse(Kind.PLAIN);
    }

    private boolean isDeque(long type) {
        long base = type;
        for (int i = 0; i < DEEPEST && base != 0; i++) {
            long name = reader.field(base, TypeLayout.TP_NAME);
            if (reader.memory().readCString(name, LONGEST_NAME, "").equals(DEQUE)) {
                return true;
            }
            base = reader.field(base, TypeLayout.BASE);
        }
        return false;
    }

    private static byte[] members(TypeName name) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        JsonLines json = new JsonLines(bytes, 0);
        json.raw(TYPE);
        json.string(cut(name.qualname()));
        json.raw(MODULE);
        json.string(cut(name.module()));
        json.flush();
        return bytes.toByteArray();
    }

    private static String cut(String name) {
        return name.length() <= LONGEST_NAME ? name : name.substring(0, LONGEST_NAME) + "…";
    }
}
