// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * C name {@code _PyRuntimeState}, the variable {@code _PyRuntime}.
 *
 * @param head {@code interpreters.head}, or -1 where there is no such structure and the head is a variable of its own
 * @param main {@code interpreters.main}, or -1
 * @param generations where the first of three generations lies, or -1 where they are elsewhere
 * @param table the table of offsets that the structure begins with; empty in versions that have none, see {@link
 *     OffsetTable#known}
 */
public record RuntimeLayout(int head, int main, int generations, OffsetTable table) {

    static RuntimeLayout of(int version) {
        return switch (version) {
            case 207, 306 -> new RuntimeLayout(-1, -1, -1, OffsetTable.of(version));
            case 307 -> new RuntimeLayout(24, 32, 352, OffsetTable.of(version));
            case 308 -> new RuntimeLayout(32, 40, 368, OffsetTable.of(version));
            case 309, 310 -> new RuntimeLayout(32, 40, -1, OffsetTable.of(version));
            case 311, 312 -> new RuntimeLayout(40, 48, -1, OffsetTable.of(version));
            case 313 -> new RuntimeLayout(632, 640, -1, OffsetTable.of(version));
            case 314 -> new RuntimeLayout(808, 816, -1, OffsetTable.of(version));
            default -> new RuntimeLayout(936, 944, -1, OffsetTable.of(version));
        };
    }
}
