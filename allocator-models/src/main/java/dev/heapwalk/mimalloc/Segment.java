// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.mimalloc.layout.MimallocLayout;
import dev.heapwalk.mimalloc.layout.SegmentLayout;
import java.util.Optional;

/**
 * What pages are cut from up to mimalloc 2.4. C name {@code mi_segment_t}.
 *
 * @param address target address, which is also where its memory begins
 * @param key {@code cookie} without the address: the same for all segments of one mimalloc
 * @param slices {@code segment_slices}: how many slices of 64 KiB it has
 * @param infoSlices {@code segment_info_slices}: so many of them are its own
 * @param huge {@code kind}: whether it has one block alone
 * @param entries {@code slice_entries}: how many slices are described, the others belong to the last of them
 * @param threadId {@code thread_id}: what its thread's pointer to its variables is, 0 if the thread ended
 */
public record Segment(long address, long key, long slices, int infoSlices, boolean huge, int entries, long threadId) {
    private static final int MOST_INFO = 16;
    private static final long MOST_SLICES = 1L << 31;
    private static final int LENGTH = 384;

    /** Reads what may be a segment. */
    static Optional<Segment> at(Reader reader, long address, SegmentLayout layout) {
        if (reader.find(address, LENGTH) < 0) {
            return Optional.empty();
        }
        long cookie = reader.readLong(address + layout.cookie(), 0);
        long slices = reader.readLong(address + layout.segmentSlices(), 0);
        long info = reader.readLong(address + layout.segmentInfoSlices(), 0);
        int kind = reader.readInt(address + layout.kind(), -1);
        long entries = reader.readLong(address + layout.sliceEntries(), 0);
        long thread = reader.readLong(address + layout.threadId(), -1);
        boolean huge = kind == 1;
        boolean good = cookie != 0
                && (kind == 0 || huge)
                && info > 0
                && info < MOST_INFO
                && (huge
                        ? slices > info && slices < MOST_SLICES && entries > info && entries <= slices
                        // A secure build does not use the last one.
                        : slices == layout.most() && (entries == slices || entries == slices - 1))
                && entries <= layout.most()
                && thread >= 0
                && (thread & MimallocLayout.FLAGS) == 0;
        return good
                ? Optional.of(new Segment(address, cookie ^ address, slices, (int) info, huge, (int) entries, thread))
                : Optional.empty();
    }

    /**
     * Where its memory ends.
     *
     * @return a target address
     */
    public long end() {
        return address + slices * MimallocLayout.SLICE;
    }

    /** One that is like this, elsewhere. */
    Segment movedTo(long other, long thread) {
        return new Segment(other, key, slices, infoSlices, huge, entries, thread & ~MimallocLayout.FLAGS);
    }

    /** One that has as many slices for itself as others. */
    Segment withInfo(int slicesOfInfo) {
        return new Segment(address, key, slices, slicesOfInfo, huge, entries, threadId);
    }

    /** Where one of its slices begins. */
    long slice(int index) {
        return address + index * MimallocLayout.SLICE;
    }
}
