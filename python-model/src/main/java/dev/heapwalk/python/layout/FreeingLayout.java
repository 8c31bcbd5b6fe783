// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * Memory that is to be freed as soon as no thread can be reading it, in a build without the global interpreter lock: C
 * name {@code struct _mem_work_chunk}, of which each thread has a list, and the interpreter one that threads have left.
 *
 * @param thread {@code mem_free_queue} of a {@code _PyThreadStateImpl}, the head of a list; or -1
 * @param interpreter {@code mem_free_queue.head} of an interpreter, or -1
 */
public record FreeingLayout(int thread, int interpreter) {
    /** {@code next} of a {@code struct llist_node}, with which a chunk begins. */
    public static final int NEXT = 0;
    /** {@code prev}. */
    public static final int PREV = 8;
    /** {@code rd_idx}: the first item that is not freed yet. */
    public static final int FIRST = 16;
    /** {@code wr_idx}: behind the last item. */
    public static final int END = 24;
    /** {@code array}, each of whose items begins with the pointer. */
    public static final int ITEMS = 32;
    /** The size of an item, in bytes. */
    public static final int ITEM = 16;
    /** How many items a chunk has room for. */
    public static final int MOST = 254;
    /** The lowest bit of a pointer to an object. */
    public static final long OBJECT = 1;

    static FreeingLayout of(int version, boolean freeThreaded) {
        if (!freeThreaded) {
            return new FreeingLayout(-1, -1);
        }
        return switch (version) {
            case 313 -> new FreeingLayout(320, 85_768);
            case 314 -> new FreeingLayout(904, 85_720);
            default -> new FreeingLayout(1072, 85_672);
        };
    }
}
