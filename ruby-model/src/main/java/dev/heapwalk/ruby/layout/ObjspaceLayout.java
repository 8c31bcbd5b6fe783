// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/**
 * C name {@code rb_objspace_t}. The offsets are hints: what is found there is checked, and looked for elsewhere if it
 * is not.
 *
 * @param size how many bytes are searched where a hint fails
 * @param flags {@code flags}, a word of bits that begins with {@code mode} (2 bits: none, marking, sweeping)
 * @param duringGc the number of the bit {@code during_gc} in it
 * @param sorted {@code heap_pages.sorted}
 * @param dynamicArray whether {@code sorted} is an {@code rb_darray} that starts with its size and capacity
 * @param finalizerTable {@code finalizer_table}
 * @param globalList {@code global_list}, or -1 where the VM has it
 */
public record ObjspaceLayout(
        int size, int flags, int duringGc, int sorted, boolean dynamicArray, int finalizerTable, int globalList) {

    /** {@code heap_pages.allocated_pages}, the count, from {@code sorted} where that is no {@code rb_darray}. */
    public static final int ALLOCATED_PAGES = 8;
    /** {@code meta.size} of an {@code rb_darray}. */
    public static final int ARRAY_SIZE = 0;
    /** {@code data} of an {@code rb_darray}: its first element. */
    public static final int ARRAY_DATA = 16;

    static ObjspaceLayout of(int version) {
        return switch (version) {
            case 207 -> new ObjspaceLayout(1072, 16, 5, 248, false, 320, 456);
            case 300 -> new ObjspaceLayout(1080, 16, 5, 240, false, 312, 456);
            case 301 -> new ObjspaceLayout(1120, 16, 5, 256, false, 328, 496);
            case 302 -> new ObjspaceLayout(2440, 16, 5, 1096, false, 1168, 1320);
            case 303 -> new ObjspaceLayout(2608, 16, 5, 1208, false, 1280, 1464);
            case 304 -> new ObjspaceLayout(2224, 20, 5, 832, true, 896, -1);
            default -> new ObjspaceLayout(2256, 28, 5, 872, true, 936, -1);
        };
    }
}
