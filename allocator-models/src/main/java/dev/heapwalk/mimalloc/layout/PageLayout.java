// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc.layout;

/**
 * Where the fields of {@code mi_page_t} lie, in bytes from its beginning; {@link #NONE} for a field that there is not.
 * The whole of a field is read by its width where that differs.
 *
 * @param size how much of it is looked at, in bytes; where pages are slices of a segment also how far they are apart
 * @param free {@code free}
 * @param localFree {@code local_free}
 * @param xthreadFree {@code xthread_free}
 * @param used {@code used}
 * @param capacity {@code capacity}
 * @param reserved {@code reserved}
 * @param blockSize {@code block_size} or {@code xblock_size}
 * @param narrow whether {@code xblock_size} has 32 bits, and {@code used} too; else 64 and 16
 * @param start how the page tells where its blocks begin
 * @param pageStart the field that tells it
 * @param heap {@code heap}, {@code xheap} or {@code theap}: what belongs to one thread
 * @param threadId {@code xthread_id}; a segment has it in versions with segments
 * @param keys {@code keys}, which the lists are encoded with
 * @param tag {@code heap_tag}, or the byte that has it
 * @param tagShift the number of its lowest bit in that byte
 * @param tagMask which bits of the byte it has then
 * @param padded whether each block ends with how many bytes of it the program did not ask for
 */
public record PageLayout(
        int size,
        int free,
        int localFree,
        int xthreadFree,
        int used,
        int capacity,
        int reserved,
        int blockSize,
        boolean narrow,
        Start start,
        int pageStart,
        int heap,
        int threadId,
        int keys,
        int tag,
        int tagShift,
        int tagMask,
        boolean padded) {
    /** In place of a field that there is not. */
    public static final int NONE = -1;

    /** A page that begins its blocks by a rule, as slices of a segment did up to 2.1.2. */
    static PageLayout sliced(Start start) {
        return new PageLayout(80, 16, 32, 40, 24, 10, 12, 28, true, start, NONE, 48, NONE, NONE, NONE, 0, 0, false);
    }

    /** The same with keys. */
    static PageLayout slicedSecure(Start start, boolean padded) {
        return new PageLayout(96, 16, 32, 56, 24, 10, 12, 28, true, start, NONE, 64, NONE, 40, NONE, 0, 0, padded);
    }

    /** Of 2.0.7, with keys. */
    static PageLayout slicedSecureOld(boolean padded) {
        return new PageLayout(
                96, 16, 48, 56, 40, 10, 12, 44, true, Start.OFFSET_128, NONE, 64, NONE, 24, NONE, 0, 0, padded);
    }

    /** Of the copy that CPython has for itself. */
    static PageLayout cpython() {
        return new PageLayout(
                96, 16, 32, 40, 24, 10, 12, 28, true, Start.BLOCKS, NONE, 48, NONE, NONE, 8, 3, 15, false);
    }

    /** Slices since 2.1.4, which have a pointer to their blocks. */
    static PageLayout pointed(boolean secure) {
        return secure
                ? new PageLayout(
                        112, 16, 24, 72, 32, 10, 12, 40, false, Start.POINTER, 48, 80, NONE, 56, 35, 0, 255, true)
                : new PageLayout(
                        96, 16, 24, 56, 32, 10, 12, 40, false, Start.POINTER, 48, 64, NONE, NONE, 35, 0, 255, false);
    }

    /** Of 3.0 and 3.1. */
    static PageLayout mapped30(boolean secure) {
        return secure
                ? new PageLayout(120, 8, 24, 32, 16, 18, 20, 40, false, Start.POINTER, 48, 80, 0, 64, 56, 0, 255, true)
                : new PageLayout(
                        104, 8, 24, 32, 16, 18, 20, 40, false, Start.POINTER, 48, 64, 0, NONE, 56, 0, 255, false);
    }

    /** Of 3.2 to 3.4. */
    static PageLayout mapped32(Start start, boolean secure) {
        return secure
                ? new PageLayout(120, 8, 24, 32, 16, 18, 20, 40, false, start, 48, 72, 0, 56, NONE, 0, 0, true)
                : new PageLayout(104, 8, 24, 32, 16, 18, 20, 40, false, start, 48, 56, 0, NONE, NONE, 0, 0, false);
    }

    /** Of 3.6. */
    static PageLayout mapped36() {
        return new PageLayout(104, 16, 24, 64, 40, 56, 58, 32, false, Start.BYTES, 48, 72, 8, NONE, NONE, 0, 0, false);
    }
}
