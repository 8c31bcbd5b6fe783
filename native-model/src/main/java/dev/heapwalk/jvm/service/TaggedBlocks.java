// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jvm.service;

import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.CategorizerProvider;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.jvm.JvmCategories;
import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.natives.block.BlockSearch;
import java.lang.foreign.MemorySegment;

/**
 * Knows the blocks that a virtual machine with Native Memory Tracking has marked, by their tag. Before what was asked for
 * there is its size, the tag and a mark; behind it another mark. C name {@code MallocHeader}; the marks are there since
 * JDK 18, and in the updates of JDK 17.
 */
public final class TaggedBlocks implements CategorizerProvider {
    private static final String LIBRARY = "libjvm.so";

    private static final int HEADER_BYTES = 16;
    private static final int TAG = 12;
    private static final int MARK = 14;
    private static final int LIVE = 0xe99e;
    private static final int FOOTER_BYTES = 2;
    /** In the order of its bytes. */
    private static final int FOOTER = 0x8ee8;
    /** How much larger than what was asked for a block of no mapping of its own may be. */
    private static final int ROUNDED = 4096;

    /** For the service loader. */
    public TaggedBlocks() {}

    /** The marks are as sure as an address. */
    @Override
    public int priority() {
        return KNOWN_BLOCKS + 1;
    }

    @Override
    public Categorizer categorizer(Heaps heaps) {
        return BlockSearch.library(heaps.target(), LIBRARY, "JNI_CreateJavaVM")
                .<Categorizer>map(library -> new Tags(library, heaps.target().memory())::categorize)
                .orElse(Categorizer.NONE);
    }

    /** The names of the tags, which are read when the first block with one is met. */
    private static final class Tags {
        private final ElfModule library;
        private final AddressSpace memory;
        private final Category[] categories = new Category[1 << Byte.SIZE];
        private TagNames names;

        Tags(ElfModule library, AddressSpace memory) {
            this.library = library;
            this.memory = memory;
        }

        Category categorize(BlockView block, Window window) {
            long usable = block.usableSize();
            long offset = usable < HEADER_BYTES + FOOTER_BYTES ? -1 : window.find(block.address(), HEADER_BYTES);
            if (offset < 0) {
                return Category.NONE;
            }
            MemorySegment segment = window.segment();
            if ((segment.get(Words.SHORT, offset + MARK) & 0xffff) != LIVE) {
                return Category.NONE;
            }
            long size = segment.get(Words.LONG, offset);
            int tag = segment.get(Words.BYTE, offset + TAG) & 0xff;
            long left = usable - HEADER_BYTES - FOOTER_BYTES - size;
            if (size <= 0 || left < 0 || left > ROUNDED) {
                return Category.NONE;
            }
            long footer = window.find(block.address() + HEADER_BYTES + size, FOOTER_BYTES);
            return footer >= 0 && (window.segment().get(Words.SHORT, footer) & 0xffff) == FOOTER
                    ? category(tag)
                    : Category.NONE;
        }

        private Category category(int tag) {
            if (categories[tag] == null) {
                if (names == null) {
                    names = TagNames.of(library, memory);
                }
                categories[tag] = JvmCategories.tagged(names.of(tag));
            }
            return categories[tag];
        }
    }
}
