// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.glib.service;

import dev.heapwalk.glib.GLibCategories;
import dev.heapwalk.glib.service.GTypes.GType;
import dev.heapwalk.heap.UsedBlocks;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.natives.block.BlockUses;

/** The pixels of pictures. C name {@code GdkPixbuf}, which has been the same since 2.32. */
final class Pixbufs {
    private static final String NAME = "GdkPixbuf";

    private static final long CHANNELS = 28;
    private static final long SAMPLE_BITS = 32;
    private static final long WIDTH = 36;
    private static final long HEIGHT = 40;
    private static final long ROW_BYTES = 44;
    private static final long STORAGE = 48;
    private static final long PIXELS = 56;
    private static final long BYTES = 64;

    // What storage says: pixels, or a GBytes that has its bytes first and their count behind that.
    private static final int OF_PIXELS = 1;
    private static final int OF_BYTES = 2;
    private static final long BYTES_COUNT = 8;

    private static final int GRAY_BITS = 8;
    private static final int RGB = 3;
    private static final int RGBA = 4;

    private final GTypes types;
    private final BlockUses uses;
    private final UsedBlocks blocks;
    private final Reader reader;

    Pixbufs(GTypes types, BlockUses uses, Reader reader) {
        this.types = types;
        this.uses = uses;
        this.blocks = uses.blocks();
        this.reader = reader;
    }

    /** The least that a picture has, in bytes. */
    long least() {
        return BYTES;
    }

    /** Takes the pixels of an object, if it is a picture. */
    void take(GType type, long object) {
        if (type.instanceSize() < BYTES || !types.isA(type, NAME)) {
            return;
        }
        int channels = reader.readInt(object + CHANNELS, 0);
        int width = reader.readInt(object + WIDTH, 0);
        int height = reader.readInt(object + HEIGHT, 0);
        long row = reader.readInt(object + ROW_BYTES, 0);
        if (reader.readInt(object + SAMPLE_BITS, 0) != GRAY_BITS
                || channels != RGB && channels != RGBA
                || width <= 0
                || height <= 0
                || row < (long) width * channels) {
            return;
        }
        long needed = row * (height - 1) + (long) width * channels;
        int storage = reader.readInt(object + STORAGE, 0);
        long pixels = reader.readLong(object + PIXELS, 0);
        int shared = -1;
        if (storage == OF_BYTES) {
            shared = blocks.startingAt(pixels);
            if (shared < 0 || reader.readLong(pixels + BYTES_COUNT, 0) < needed) {
                return;
            }
            pixels = reader.readLong(pixels, 0);
        } else if (storage != OF_PIXELS) {
            return;
        }
        int block = blocks.at(pixels);
        if (block >= 0 && blocks.address(block) + blocks.size(block) - pixels >= needed) {
            uses.give(block, GLibCategories.pixels(width, height, channels));
            // Newer releases have few bytes in the same block.
            uses.give(shared, GLibCategories.BYTES);
        }
    }
}
