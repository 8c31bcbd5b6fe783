// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/**
 * C names {@code struct heap_page} and {@code struct heap_page_header}.
 *
 * @param bodySize the size and alignment of a page's body, in bytes
 * @param headerSize how much of {@code struct heap_page} is read to know a page, in bytes
 * @param slotSize {@code slot_size} (16 bits), or -1 where every slot has 40 bytes
 * @param totalSlots {@code total_slots} (16 bits)
 * @param flags {@code flags}, whose bit 0 is {@code before_sweep}
 * @param start {@code start}
 * @param wbUnprotectedBits {@code wb_unprotected_bits}, one bit for each 40 bytes of the body like all bitmaps
 * @param markBits {@code mark_bits}
 * @param uncollectibleBits {@code uncollectible_bits}
 * @param markingBits {@code marking_bits}
 * @param rememberedBits {@code remembered_bits} since 4.0, or -1 where no dump tells them
 * @param pinnedBits {@code pinned_bits}
 * @param ageBits {@code age_bits}, two bits for each 40 bytes, or -1 where the age stands in the flags of an object
 * @param bitmapWords how many 64-bit words a bitmap has
 */
public record PageLayout(
        int bodySize,
        int headerSize,
        int slotSize,
        int totalSlots,
        int flags,
        int start,
        int wbUnprotectedBits,
        int markBits,
        int uncollectibleBits,
        int markingBits,
        int rememberedBits,
        int pinnedBits,
        int ageBits,
        int bitmapWords) {
    /** The size of the smallest slot, and the distance of the slots that the bitmaps have a bit for, in bytes. */
    public static final int BASE_SLOT_SIZE = 40;

    static PageLayout of(int version) {
        // A bitmap has (body size / 40 + 63) / 64 words: 7 for 16 KiB, 26 for 64 KiB, where 3.2 and later keep 25.6 as
        // 26.
        if (version <= 300) {
            return new PageLayout(1 << 14, 40, -1, 0, 8, 24, 56, 112, 168, 224, -1, 280, -1, 7);
        }
        if (version == 301) {
            return new PageLayout(1 << 14, 48, 0, 2, 12, 32, 64, 120, 176, 232, -1, 288, -1, 7);
        }
        if (version == 302) {
            return new PageLayout(1 << 16, 48, 0, 2, 8, 32, 64, 272, 480, 688, -1, 896, -1, 26);
        }
        if (version == 303) {
            return new PageLayout(1 << 16, 48, 0, 2, 12, 32, 64, 272, 480, 688, -1, 1104, 1312, 26);
        }
        return new PageLayout(1 << 16, 56, 0, 2, 12, 40, 72, 280, 488, 696, version >= 400 ? 904 : -1, 1112, 1320, 26);
    }
}
