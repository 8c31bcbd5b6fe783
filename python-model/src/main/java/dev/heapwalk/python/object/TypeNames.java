// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.TypeLayout;
import java.util.HashMap;
import java.util.Map;

/** The names of types, kept once they are made. For one thread. */
public final class TypeNames {
    private static final int LONGEST = 1 << 12;
    /** What a flag of a type tells, in all versions. */
    private static final Map<Long, String> KINDS = Map.of(
            TypeLayout.LIST_SUBCLASS,
            "list",
            TypeLayout.TUPLE_SUBCLASS,
            "tuple",
            TypeLayout.DICT_SUBCLASS,
            "dict",
            TypeLayout.EXCEPTION_SUBCLASS,
            "BaseException",
            TypeLayout.TYPE_SUBCLASS,
            "type");

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
     * @return its name; of one whose name can't be read, as in a core without constants, what its flags tell, or else
     *     {@code type@0x…}
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
                .orElseGet(() -> ofStructure(address));
    }

    /** A core may lack the constants that names are. Of what flags tell, the type that has no such base is known. */
    private TypeName ofStructure(long address) {
        long base = type.base();
        if (base == 0) {
            return (type.flags() & TypeLayout.READY) != 0 ? new TypeName(builtins(), "object") : unknown(address);
        }
        long own = type.flags() & ~reader.flags(base);
        boolean old = PyBytes.isText(reader.series());
        if ((own & TypeLayout.LONG_SUBCLASS) != 0) {
            return new TypeName(builtins(), old ? "long" : "int");
        }
        if ((own & TypeLayout.BYTES_SUBCLASS) != 0) {
            return new TypeName(builtins(), old ? "str" : "bytes");
        }
        if ((own & TypeLayout.UNICODE_SUBCLASS) != 0) {
            return new TypeName(builtins(), old ? "unicode" : "str");
        }
        for (Map.Entry<Long, String> kind : KINDS.entrySet()) {
            if ((own & kind.getKey()) != 0) {
                return new TypeName(builtins(), kind.getValue());
            }
        }
        return unknown(address);
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
