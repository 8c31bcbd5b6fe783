// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cpp.service;

import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Tells what a block is by who owns it, and by its first words. */
final class CppBlocks implements Categorizer {
    private static final int WORD = Long.BYTES;
    /** Of the objects of an array so many bytes are looked at. */
    private static final int LOOKED_AT = 4 << 10;
    /** An allocator may hand out so much more than it was asked for, in bytes. */
    private static final int SLACK = 40;

    private Heaps heaps;
    private final List<ElfModule> modules;
    private final boolean withLibrary;
    private final Classes classes;
    private final Map<Category, Category> arrays = new HashMap<>();
    private Owned owned = Owned.NOTHING;

    CppBlocks(Heaps heaps) {
        this.heaps = heaps;
        this.modules = heaps.target().modules();
        this.withLibrary = CppLibrary.isIn(heaps.target(), modules);
        this.classes = new Classes(heaps.target(), modules);
    }

    @Override
    public boolean again(Heaps now) {
        // Classes stay what they are as long as the modules do.
        if (now.target() != heaps.target() || !now.target().modules().equals(modules)) {
            return false;
        }
        heaps = now;
        owned = Owned.NOTHING;
        return true;
    }

    @Override
    public void prepare(Runnable progress) {
        if (withLibrary) {
            owned = Containers.find(heaps, classes, progress);
        }
    }

    @Override
    public List<String> notices() {
        return owned.leftOut()
                ? List.of(
                        "containers of C++ were not looked for, since the JVM has no memory for what is found of so many"
                                + " used blocks; a larger heap (-Xmx) may help")
                : List.of();
    }

    @Override
    public Category categorize(BlockView block, Window window) {
        long address = block.address();
        Category use = owned.use(address);
        long usable = block.usableSize();
        if (use != Category.NONE && !Owned.isWeak(use) || usable < WORD) {
            return use;
        }
        int shown = (int) Math.min(usable & -WORD, 3 * WORD);
        long offset = window.find(address, shown);
        if (offset < 0) {
            return use;
        }
        MemorySegment segment = window.segment();
        long first = segment.get(Words.LONG, offset);
        Category object = classes.of(first);
        if (object != Category.NONE) {
            return use != Category.NONE && owned.isBuffer(address) ? use : object;
        }
        if (use != Category.NONE || shown < 3 * WORD) {
            return use;
        }
        long second = segment.get(Words.LONG, offset + WORD);
        // An address of a table is no number of objects, and the other way round.
        return isNumber(first, usable)
                ? array(address, WORD, first, second, usable, window)
                : isNumber(second, usable)
                        ? array(address, 2 * WORD, second, segment.get(Words.LONG, offset + 2 * WORD), usable, window)
                        : Category.NONE;
    }

    /** Whether a block has room for so many objects. One alone tells too little. */
    private static boolean isNumber(long word, long usable) {
        return word > 1 && word < usable / WORD;
    }

    /**
     * The class of an array's objects: {@code new} puts their number before them.
     *
     * @param start where the first one begins in the block: behind the number, or farther if they must lie at multiples
     *     of 16
     */
    private Category array(long address, int start, long count, long table, long usable, Window window) {
        Category found = classes.of(table);
        if (found == Category.NONE) {
            return Category.NONE;
        }
        int shown = (int) Math.min(usable, LOOKED_AT) & -WORD;
        long offset = window.find(address, shown);
        if (offset < 0) {
            return Category.NONE;
        }
        MemorySegment segment = window.segment();
        // All of one size, and hardly more room than they take.
        long largest = (usable - start) / count & -WORD;
        for (long size = largest; size >= WORD && usable - start - size * count < SLACK + usable / 8; size -= WORD) {
            long end = Math.min(shown, start + size * count);
            long at = start + size;
            while (at < end && segment.get(Words.LONG, offset + at) == table) {
                at += size;
            }
            if (at >= end && start + size < end) {
                return arrays.computeIfAbsent(found, object -> new Category(object.domain(), object.kind(), "array"));
            }
        }
        return Category.NONE;
    }
}
