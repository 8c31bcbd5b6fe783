// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc.usage;

/** Who a chunk belongs to, in the largest terms. */
public enum Domain {
    /** Objects of a Python program. */
    PYTHON("python"),
    /** What the CPython interpreter keeps for itself. */
    CPYTHON("cpython"),
    /** CPython's arenas and pools. */
    PYARENA("pyarena"),
    /** Objects and buffers of CRuby. */
    RUBY("ruby"),
    /** C++ objects and containers. */
    CPP("C++"),
    /** GLib's objects. */
    GTYPE("GType"),
    /** SQLite. */
    SQLITE3("sqlite3"),
    /** Plain C data. */
    C("C"),
    /** What the C library keeps for itself. */
    LIBC("libc"),
    /** Not known. */
    UNCATEGORIZED("uncategorized");

    private final String label;

    Domain(String label) {
        this.label = label;
    }

    /**
     * The name in tables and in JSON.
     *
     * @return for example {@code C++}
     */
    public String label() {
        return label;
    }
}
