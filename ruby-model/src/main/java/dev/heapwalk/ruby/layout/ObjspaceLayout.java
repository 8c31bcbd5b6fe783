// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/**
 * C name {@code rb_objspace_t}. The offsets are hints: what is found there is checked, and looked for elsewhere if it
 * is not.
 *
 * @param size how many bytes are searched where a hint fails
 * @param flags {@code flags}, a word of bits that begins with {@code mode} (2 bits: none, marking, sweeping)
 * @param duringGc the number of the bit {@code during_gc} in it; the next one is (the first one of) {@code
 *     during_compacting}
 * @param sorted {@code heap_pages.sorted}
 * @param count {@code profile.count}, from {@code sorted}
 * @param dynamicArray whether {@code sorted} is an {@code rb_darray} that starts with its size and capacity
 * @param finalizerTable {@code finalizer_table}
 * @param globalList {@code global_list}, or -1 where the VM has it
 */
public record ObjspaceLayout(
        int size,
        int flags,
        int duringGc,
        int sorted,
        int count,
        boolean dynamicArray,
        int finalizerTable,
        int globalList) {

    /** Where the mode is in the flags, and which one means that objects are marked. */
    private static final int MODE = 3;

    private static final int MARKING = 1;

    /** {@code heap_pages.allocated_pages}, the count, from {@code sorted} where that is no {@code rb_darray}. */
    public static final int ALLOCATED_PAGES = 8;
    /** {@code meta.size} of an {@code rb_darray}. */
    public static final int ARRAY_SIZE = 0;
    /** {@code data} of an {@code rb_darray}: its first element. */
    public static final int ARRAY_DATA = 16;

    static ObjspaceLayout of(int version) {
        return switch (version) {
            case 207 -> new ObjspaceLayout(1072, 16, 5, 248, 176, false, 320, 456);
            case 300 -> new ObjspaceLayout(1080, 16, 5, 240, 184, false, 312, 456);
            case 301 -> new ObjspaceLayout(1120, 16, 5, 256, 184, false, 328, 496);
            case 302 -> new ObjspaceLayout(2440, 16, 5, 1096, 184, false, 1168, 1320);
            case 303 -> new ObjspaceLayout(2608, 16, 5, 1208, 184, false, 1280, 1464);
            case 304 -> new ObjspaceLayout(2224, 20, 5, 832, 176, true, 896, -1);
            default -> new ObjspaceLayout(2256, 28, 5, 872, 176, true, 936, -1);
        };
    }

    /**
     * Whether the collector itself is running, so that any structure may be halfway through a change.
     *
     * @param word the word of bits at {@link #flags}
     * @return whether it is
     */
    public boolean isCollecting(int word) {
        return (word >>> duringGc & 1) != 0 || isMoving(word);
    }

    /**
     * Whether objects are being moved, so that what refers to them may do so in vain. While objects are marked that are
     * to be moved later, none is.
     *
     * @param word the word of bits at {@link #flags}
     * @return whether they are
     */
    public boolean isMoving(int word) {
        return (word >>> duringGc + 1 & 1) != 0 && (word & MODE) != MARKING;
    }
}
