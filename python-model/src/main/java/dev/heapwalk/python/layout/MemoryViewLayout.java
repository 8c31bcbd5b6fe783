// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * C name {@code PyMemoryViewObject}, with the {@code Py_buffer} in it.
 *
 * @param data {@code view.buf}
 * @param object {@code view.obj}
 * @param length {@code view.len}
 */
public record MemoryViewLayout(int data, int object, int length) {
    /** How much of a view is read, in bytes. */
    public static final int BYTES = 80;

    static MemoryViewLayout of(int version) {
        return version < 300 ? new MemoryViewLayout(24, 32, 40) : new MemoryViewLayout(56, 64, 72);
    }
}
