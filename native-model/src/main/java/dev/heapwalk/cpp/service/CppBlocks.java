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
    public Category categorize(BlockView block, Window window) {
        long address = block.address();
        Category use = owned.use(address);
        long usable = block.usableSize();
        if (use != Category.NONE && !Owned.isWeak(use) || usable < WORD) {
            return use;
        }
        long offset = window.find(address, WORD);
        if (offset < 0) {
            return use;
        }
        long first = window.segment().get(Words.LONG, offset);
        if (first > 0 && first < usable / WORD && use == Category.NONE) {
            return array(address, first, usable, window);
        }
        Category object = classes.of(first);
        return object == Category.NONE || use != Category.NONE && owned.isBuffer(address) ? use : object;
    }

    /**
     * The class of an array's objects: {@code new} puts their number before them, behind as much as they are aligned
     * to. One object alone tells too little.
     */
    private Category array(long address, long first, long usable, Window window) {
        int shown = (int) Math.min(usable, LOOKED_AT) & -WORD;
        long offset = shown < 3 * WORD ? -1 : window.find(address, shown);
        if (offset < 0) {
            return Category.NONE;
        }
        MemorySegment segment = window.segment();
        int start = WORD;
        Category found = classes.of(segment.get(Words.LONG, offset + start));
        if (found == Category.NONE) {
            return Category.NONE;
        }
        long table = segment.get(Words.LONG, offset + start);
        if (first < 2) {
            return Category.NONE;
        }
        // All of one size, and hardly more room than they take.
        long largest = (usable - start) / first & -WORD;
        for (long size = largest; size >= WORD && usable - start - size * first < SLACK + usable / 8; size -= WORD) {
            long end = Math.min(shown, start + size * first);
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
