// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.python.ObjectReader;
import java.util.HashMap;
import java.util.Map;

/** The names of types, kept once they are made. For one thread. */
public final class TypeNames {
    private static final int LONGEST = 1 << 12;

    private final ObjectReader reader;
    private final PyTypeObject type;
    private final PyDict dict;
    private final PyUnicode unicode;
    private final PyBytes bytes;
    private final Map<Long, TypeName> names = new HashMap<>();

    /**
     * Makes an empty collection.
     *
     * @param reader what reads the objects
     */
    public TypeNames(ObjectReader reader) {
        this.reader = reader;
        this.type = new PyTypeObject(reader);
        this.dict = new PyDict(reader);
        this.unicode = new PyUnicode(reader);
        this.bytes = new PyBytes(reader);
    }

    /**
     * The name of a type.
     *
     * @param address target address of a {@code PyTypeObject}
     * @return its name; {@code type@0x…} if there is none that can be read
     */
    public TypeName of(long address) {
        return names.computeIfAbsent(address, this::make);
    }

    private TypeName make(long address) {
        if (!reader.find(address, type)) {
            return unknown(address);
        }
        return type.isHeapType() ? ofProgram(address) : ofC(address);
    }

    /** As Python's own {@code type.__module__} takes the name apart. */
    private TypeName ofC(long address) {
        return type.name()
                .map(name -> {
                    int point = name.lastIndexOf('.');
                    return new TypeName(point < 0 ? builtins() : name.substring(0, point), name.substring(point + 1));
                })
                .orElseGet(() -> unknown(address));
    }

    private TypeName ofProgram(long address) {
        String qualname = text(type.qualname());
        if (qualname.isEmpty()) {
            qualname = type.name().orElse(unknown(address).qualname());
        }
        String module = reader.find(type.dict(), dict) ? text(dict.get("__module__")) : "";
        return new TypeName(module, qualname);
    }

    private String text(long address) {
        if (reader.find(address, unicode)) {
            return unicode.text(LONGEST);
        }
        return reader.find(address, bytes) ? bytes.text(LONGEST) : "";
    }

    private String builtins() {
        return PyBytes.isText(reader.series()) ? "__builtin__" : "builtins";
    }

    private static TypeName unknown(long address) {
        return new TypeName("", "type@0x%x".formatted(address));
    }
}
