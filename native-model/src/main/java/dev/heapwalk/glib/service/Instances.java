// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.glib.service;

import dev.heapwalk.glib.GLibCategories;
import dev.heapwalk.glib.service.GTypes.GType;
import dev.heapwalk.heap.UsedBlocks;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.natives.block.BlockUses;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The instances of types. One leads to its class, lies as far behind the beginning of its block as its type says, in a
 * block of its type's size; an object has references as well.
 */
final class Instances {
    /** {@code ref_count} of a {@code GObject}. */
    private static final long REFERENCES = 8;

    private static final int MOST_REFERENCES = 1 << 24;
    /** A {@code GValue}, with the type's id before two words of data. */
    private static final long VALUE_BYTES = 24;

    private static final long VALUE_DATA = 8;
    /** Fundamental types have lower ids. */
    private static final long LEAST_ID = 1 << 12;

    /** Slices are multiples of so many bytes. */
    private static final int SLICE_UNIT = 16;

    private static final int TELL_EACH = 1 << 13;

    private final GTypes types;
    private final BlockUses uses;
    private final UsedBlocks blocks;
    private final Reader reader;
    private final Pixbufs pixbufs;
    /** By the address of a class, the number of its type. */
    private final LongTable byClass = new LongTable();
    /** By the size of a block, how far behind its beginning an instance may lie. */
    private final Map<Long, int[]> places = new HashMap<>();

    private final Category[] categories;

    Instances(GTypes types, BlockUses uses, Reader reader) {
        this.types = types;
        this.uses = uses;
        this.blocks = uses.blocks();
        this.reader = reader;
        this.pixbufs = new Pixbufs(types, uses, reader);
        this.categories = new Category[types.list().size()];
        for (int i = 0; i < categories.length; i++) {
            GType type = types.list().get(i);
            if (type.hasInstances()) {
                byClass.put(type.itsClass(), i);
                categories[i] = GLibCategories.instance(type.name());
            }
        }
    }

    /** The type of more than half of the slices of a page, whether they are used or not. */
    String mostly(long start, long end, long bytes) {
        int most = 0;
        int best = -1;
        LongTable counts = new LongTable();
        for (long at = start; !types.list().isEmpty() && at + Long.BYTES <= end; at += Long.BYTES) {
            int number = (int) byClass.get(reader.readLong(at, 0), -1);
            if (number >= 0
                    && fitsSlice(types.list().get(number), bytes)
                    && isAlive(types.list().get(number), at)) {
                int count = (int) counts.add(number, 1);
                if (count > most) {
                    most = count;
                    best = number;
                }
            }
        }
        return 2 * most * bytes > end - start ? types.list().get(best).name() : "";
    }

    private static boolean fitsSlice(GType type, long bytes) {
        int size = type.privateSize() + type.instanceSize();
        return size <= bytes && size > bytes - SLICE_UNIT;
    }

    void find(Slices slices, Runnable progress) {
        List<GType> list = types.list();
        uses.give(blocks.startingAt(types.names()), GLibCategories.QUARKS);
        list.forEach(this::describe);
        if (list.isEmpty()) {
            return;
        }
        slices.within(pixbufs.least(), Long.MAX_VALUE - pixbufs.least(), this::takeSlice);
        long lastSize = -1;
        int[] at = {};
        for (int block = 0; block < blocks.count(); block++) {
            long size = blocks.size(block);
            if (size != lastSize) {
                lastSize = size;
                at = places.computeIfAbsent(size, this::places);
            }
            for (int place : at) {
                take(block, place);
            }
            if (uses.isMadeFor(block, VALUE_BYTES)) {
                value(block);
            }
            if ((block & TELL_EACH - 1) == 0) {
                progress.run();
            }
        }
    }

    private void describe(GType type) {
        Category category = GLibCategories.type(type.name());
        for (long address : new long[] {type.node(), type.data(), type.children()}) {
            uses.give(blocks.at(address), category);
        }
        uses.give(blocks.startingAt(type.itsClass()), GLibCategories.ofClass(type.name()));
    }

    private int[] places(long size) {
        return types.list().stream()
                .filter(type -> type.hasInstances() && fits(type, size))
                .mapToInt(GType::privateSize)
                .distinct()
                .toArray();
    }

    private static boolean fits(GType type, long size) {
        return BlockUses.isMadeFor(size, type.privateSize() + type.instanceSize());
    }

    private void take(int block, int place) {
        long instance = blocks.address(block) + place;
        int number = (int) byClass.get(reader.readLong(instance, 0), -1);
        if (number < 0) {
            return;
        }
        GType type = types.list().get(number);
        if (type.privateSize() == place && fits(type, blocks.size(block)) && isAlive(type, instance)) {
            uses.give(block, categories[number]);
            if (type.isObject()) {
                pixbufs.take(type, instance);
            }
        }
    }

    /** What an instance in a slice leads to; the slice itself is no block. */
    private void takeSlice(long address) {
        int number = (int) byClass.get(reader.readLong(address, 0), -1);
        if (number >= 0) {
            GType type = types.list().get(number);
            if (type.isObject() && isAlive(type, address)) {
                pixbufs.take(type, address);
            }
        }
    }

    private boolean isAlive(GType type, long instance) {
        int references = type.isObject() ? reader.readInt(instance + REFERENCES, 0) : 1;
        return references > 0 && references < MOST_REFERENCES;
    }

    /** Takes a block for a value that leads to one of a boxed type. */
    private void value(int block) {
        long address = blocks.address(block);
        long id = reader.readLong(address, 0);
        int number = id < LEAST_ID ? -1 : types.byId(id);
        if (number < 0) {
            return;
        }
        GType type = types.list().get(number);
        int boxed = blocks.startingAt(reader.readLong(address + VALUE_DATA, 0));
        if (boxed >= 0 && (type.isBoxed() || type.hasInstances())) {
            uses.give(block, GLibCategories.value(type.name()));
            if (type.isBoxed()) {
                uses.give(boxed, GLibCategories.boxed(type.name()));
            }
        }
    }
}
