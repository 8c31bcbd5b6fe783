// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc.layout;

/**
 * Where the fields of {@code mi_segment_t} lie, in bytes from its beginning.
 *
 * @param cookie {@code cookie}
 * @param segmentSlices {@code segment_slices}
 * @param segmentInfoSlices {@code segment_info_slices}
 * @param kind {@code kind}
 * @param sliceEntries {@code slice_entries}
 * @param threadId {@code thread_id}
 * @param slices {@code slices}, an array of {@code mi_page_t}
 * @param most so many slices a segment has, unless it has one large block alone
 */
public record SegmentLayout(
        int cookie,
        int segmentSlices,
        int segmentInfoSlices,
        int kind,
        int sliceEntries,
        int threadId,
        int slices,
        int most) {
    /** Of 2.0.6 and 2.0.7. */
    static final SegmentLayout OLD = new SegmentLayout(320, 328, 336, 344, 360, 352, 368, 1024);
    /** Of 2.0.9 to 2.1.7. */
    static final SegmentLayout MIDDLE = new SegmentLayout(216, 224, 232, 240, 248, 256, 264, 512);
    /** Since 2.1.9. */
    static final SegmentLayout LATE = new SegmentLayout(224, 248, 256, 264, 272, 280, 288, 512);
}
