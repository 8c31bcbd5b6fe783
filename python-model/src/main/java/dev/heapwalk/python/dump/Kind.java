// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.dump;

import java.util.List;

/** What the line of an object has beside the keys of all lines. */
enum Kind {
    /** Nothing more. */
    PLAIN(),
    NONE("NoneType"),
    BOOL("bool"),
    INT("int", "long"),
    FLOAT("float"),
    COMPLEX("complex"),
    /** {@code str}, and {@code unicode} of 2.7. */
    TEXT("str", "unicode"),
    /** {@code bytes}, and {@code str} of 2.7. */
    BYTES("bytes", "str"),
    BYTE_ARRAY("bytearray"),
    TUPLE("tuple"),
    LIST("list"),
    DICT("dict"),
    SET("set", "frozenset"),
    DEQUE("deque"),
    TYPE("type"),
    MODULE("module"),
    FUNCTION("function"),
    METHOD("method", "instancemethod"),
    /** Functions of C, bound or not. */
    BUILTIN("builtin_function_or_method"),
    DESCRIPTOR(
            "method_descriptor",
            "classmethod_descriptor",
            "member_descriptor",
            "getset_descriptor",
            "wrapper_descriptor"),
    CODE("code"),
    CELL("cell"),
    WEAKREF("weakref", "ReferenceType", "weakproxy", "ProxyType", "weakcallableproxy", "CallableProxyType"),
    GENERATOR("generator", "coroutine", "async_generator"),
    FRAME("frame");

    private final List<String> names;

    Kind(String... names) {
        this.names = List.of(names);
    }

    /** What the built-in types are called whose objects are of this kind. */
    List<String> names() {
        return names;
    }
}
