// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.libc.service;

import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.CategorizerProvider;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.libc.LibcCategories;
import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Knows what the C library gave to the program or keeps where no variable leads to it that can be found: by the size of
 * the block, and by several words of it that only fit that.
 */
public final class LibcShapes implements CategorizerProvider {
    // C name struct addrinfo, with the address behind it.
    private static final int INFO_BYTES = 48;
    private static final int FAMILY = 4;
    private static final int ADDRESS_LENGTH = 16;
    private static final int ADDRESS = 24;
    private static final int INET = 2;
    private static final int INET_BYTES = 16;
    private static final int INET6 = 10;
    private static final int INET6_BYTES = 28;

    // C name struct exit_function_list: a pointer, how many there are, and so many with four words each.
    private static final int COUNT = 8;
    private static final int MOST_FUNCTIONS = 32;
    private static final int FUNCTION_BYTES = 32;
    private static final int EXIT_BYTES = 16 + MOST_FUNCTIONS * FUNCTION_BYTES;
    private static final int LAST_FLAVOR = 4;

    // C name struct link_map: the bias, a name, the dynamic section.
    private static final int MAP_TABLE = 16;
    private static final int LEAST_MAP = 1080;
    private static final int MOST_MAP = 1600;

    // C name struct __dirstream.
    private static final int DIR_BYTES = 48;
    private static final int DIR_LOCK = 4;
    private static final int DIR_ALLOCATION = 8;
    private static final int DIR_SIZE = 16;
    private static final int DIR_OFFSET = 24;
    private static final int LEAST_ALLOCATION = 1 << 12;
    private static final int MOST_ALLOCATION = 1 << 20;
    private static final int MOST_DESCRIPTOR = 1 << 20;
    private static final int STANDARD_ERROR = 2;
    /** {@code d_reclen} of a {@code struct dirent}. */
    private static final int ENTRY_LENGTH = 16;

    private static final int LEAST_ENTRY = 24;
    private static final int MOST_ENTRY = 280;

    /** How much larger a block is than what was asked for, at most. */
    private static final int ROUNDED = 32;

    private static final long BUDGET = 1 << 20;

    /** For the service loader. */
    public LibcShapes() {}

    @Override
    public Categorizer categorizer(Heaps heaps) {
        Optional<ElfModule> libc =
                heaps.target().modules().stream().filter(LibcShapes::isLibrary).findFirst();
        if (libc.isEmpty()) {
            return Categorizer.NONE;
        }
        AddressSpace memory = heaps.target().memory();
        Map<Long, ElfModule> byBias = new HashMap<>();
        heaps.target().modules().forEach(module -> byBias.put(module.bias(), module));
        return (block, window) -> categorize(block, window, libc.get(), memory, byBias);
    }

    /** Whether a module is glibc's libc. */
    static boolean isLibrary(ElfModule module) {
        return module.exported("gnu_get_libc_version").isPresent();
    }

    private static Category categorize(
            BlockView block, Window window, ElfModule libc, AddressSpace memory, Map<Long, ElfModule> byBias) {
        long size = block.usableSize();
        if (size < INFO_BYTES + INET_BYTES) {
            return Category.NONE;
        }
        if (size < INFO_BYTES + INET6_BYTES + ROUNDED) {
            return addressInfo(block, window);
        }
        if (size >= Locales.BYTES && size < Locales.BYTES + 4 * ROUNDED) {
            return locale(block, window, libc, memory);
        }
        if (size >= EXIT_BYTES && size < EXIT_BYTES + ROUNDED) {
            return exitFunctions(block, window, libc);
        }
        if (size >= LEAST_MAP && size < MOST_MAP) {
            return linkMap(block, window, byBias);
        }
        return size >= DIR_BYTES + LEAST_ALLOCATION && size <= DIR_BYTES + MOST_ALLOCATION + (1 << 12)
                ? folder(block, window)
                : Category.NONE;
    }

    private static Category locale(BlockView block, Window window, ElfModule libc, AddressSpace memory) {
        long offset = window.find(block.address(), Locales.BYTES);
        if (offset < 0 || !Locales.mayBe(window.segment(), offset)) {
            return Category.NONE;
        }
        try (Reader reader = memory.reader(BUDGET)) {
            return Locales.is(reader, block.address(), libc) ? LibcCategories.LOCALE : Category.NONE;
        }
    }

    private static Category addressInfo(BlockView block, Window window) {
        long offset = window.find(block.address(), INFO_BYTES + Short.BYTES);
        if (offset < 0) {
            return Category.NONE;
        }
        MemorySegment segment = window.segment();
        // Whose address lies behind it, in the same block.
        if (segment.get(Words.LONG, offset + ADDRESS) != block.address() + INFO_BYTES) {
            return Category.NONE;
        }
        int family = segment.get(Words.INT, offset + FAMILY);
        int length = segment.get(Words.INT, offset + ADDRESS_LENGTH);
        return (family == INET && length == INET_BYTES || family == INET6 && length == INET6_BYTES)
                        && segment.get(Words.SHORT, offset + INFO_BYTES) == family
                ? LibcCategories.ADDRESS_INFO
                : Category.NONE;
    }

    /** It tells where its library was loaded, and where in that its table for the linker lies. */
    private static Category linkMap(BlockView block, Window window, Map<Long, ElfModule> byBias) {
        long offset = window.find(block.address(), MAP_TABLE + Long.BYTES);
        if (offset < 0) {
            return Category.NONE;
        }
        long bias = window.segment().get(Words.LONG, offset);
        ElfModule module = bias == 0 ? null : byBias.get(bias);
        return module != null && module.contains(window.segment().get(Words.LONG, offset + MAP_TABLE))
                ? LibcCategories.LINK_MAP
                : Category.NONE;
    }

    /** The last of these lists is a variable of the library, and the others lead to it. */
    private static Category exitFunctions(BlockView block, Window window, ElfModule libc) {
        long offset = window.find(block.address(), EXIT_BYTES);
        if (offset < 0) {
            return Category.NONE;
        }
        MemorySegment segment = window.segment();
        long next = segment.get(Words.LONG, offset);
        long count = segment.get(Words.LONG, offset + COUNT);
        if (next == 0 || count <= 0 || count > MOST_FUNCTIONS) {
            return Category.NONE;
        }
        for (int i = 0; i < count; i++) {
            long flavor = segment.get(Words.LONG, offset + 2 * Long.BYTES + (long) i * FUNCTION_BYTES);
            if (flavor < 0 || flavor > LAST_FLAVOR) {
                return Category.NONE;
            }
        }
        // A list that another one follows is full.
        return libc.contains(next) || isFull(next, window) ? LibcCategories.EXIT_FUNCTIONS : Category.NONE;
    }

    private static boolean isFull(long list, Window window) {
        long offset = window.find(list, 2 * Long.BYTES);
        return offset >= 0
                && window.segment().get(Words.LONG, offset) != 0
                && window.segment().get(Words.LONG, offset + COUNT) == MOST_FUNCTIONS;
    }

    private static Category folder(BlockView block, Window window) {
        long offset = window.find(block.address(), DIR_BYTES + LEAST_ENTRY);
        if (offset < 0) {
            return Category.NONE;
        }
        MemorySegment segment = window.segment();
        int descriptor = segment.get(Words.INT, offset);
        int lock = segment.get(Words.INT, offset + DIR_LOCK);
        long allocation = segment.get(Words.LONG, offset + DIR_ALLOCATION);
        long size = segment.get(Words.LONG, offset + DIR_SIZE);
        long at = segment.get(Words.LONG, offset + DIR_OFFSET);
        long left = block.usableSize() - DIR_BYTES - allocation;
        if (descriptor < 0
                || descriptor > MOST_DESCRIPTOR
                || lock < 0
                || lock > 2
                || allocation < LEAST_ALLOCATION
                || allocation % LEAST_ALLOCATION != 0
                || left < 0
                || left >= (block.ownMapping() ? 1 << 12 : ROUNDED)
                || size < 0
                || size > allocation
                || at < 0
                || at > size) {
            return Category.NONE;
        }
        if (size == 0) {
            // Nothing was read yet, so there is less to tell it by.
            return descriptor > STANDARD_ERROR && Long.bitCount(allocation) == 1 ? LibcCategories.DIR : Category.NONE;
        }
        int entry = segment.get(Words.SHORT, offset + DIR_BYTES + ENTRY_LENGTH);
        return entry >= LEAST_ENTRY && entry <= MOST_ENTRY && entry % Long.BYTES == 0 && entry <= size
                ? LibcCategories.DIR
                : Category.NONE;
    }
}
