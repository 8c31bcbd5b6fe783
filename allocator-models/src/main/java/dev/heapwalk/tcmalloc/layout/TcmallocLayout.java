// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc.layout;

import java.util.List;

/**
 * Where a range of versions has the fields that differ between them. What is the same in all stands here as well, as
 * constants.
 *
 * @param versions for people, such as {@code 2.16 and later}
 * @param cacheNext where a {@code ThreadCache} has {@code next_}; {@code prev_} is the word behind it
 */
public record TcmallocLayout(String versions, long cacheNext) {

    /** {@code kClassSizesMax}: the length of arrays that have an element for each size class. */
    public static final int MOST_CLASSES = 128;

    /** The size of {@code Span} in bytes. */
    public static final int SPAN_SIZE = 48;

    /** The size of {@code ThreadCache::FreeList} in bytes; {@code list_} is the first field of a cache. */
    public static final int FREE_LIST_SIZE = 32;

    /** The size of {@code CentralFreeList} in bytes, padded as it is among the others. */
    public static final int CENTRAL_FREE_LIST_SIZE = 1216;
    /** {@code CentralFreeList}: {@code size_class_}. */
    public static final int CENTRAL_SIZE_CLASS = 8;

    /** {@code kMaxPages}: longer free spans are in sets, others in lists. */
    public static final int MOST_LISTED_BYTES = 1 << 20;
    /** An element of such a set: the span. */
    public static final long SET_SPAN = 32;

    /** All layouts, the oldest first. */
    public static final List<TcmallocLayout> ALL = List.of(
            // Between the sampler and the list it has the thread that the cache belongs to.
            new TcmallocLayout("2.8 to 2.15", 4144), new TcmallocLayout("2.16 and later", 4128));

    /**
     * Where a {@code ThreadCache} has {@code prev_}.
     *
     * @return an offset in bytes
     */
    public long cachePrev() {
        return cacheNext + Long.BYTES;
    }

    /**
     * How much of a {@code ThreadCache} is looked at.
     *
     * @return bytes
     */
    public long cacheSize() {
        return cachePrev() + Long.BYTES;
    }
}
