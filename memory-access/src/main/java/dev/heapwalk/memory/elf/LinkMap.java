// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * An entry of the dynamic linker's list of modules, {@code struct link_map}.
 *
 * @param bias {@code l_addr}, the load bias
 * @param name {@code l_name}, a path; of the program itself it is empty, or on musl what it was called by
 */
record LinkMap(long bias, String name) {
    private static final long DEBUG = 21;
    private static final int BLOCK = 1 << 20;
    private static final long LARGEST_DATA = 1 << 26;
    private static final int MOST_MODULES = 1 << 12;

    /**
     * Finds the list without any module being known: a dynamic section has the address of {@code struct r_debug} in its
     * {@code DT_DEBUG}, and that has the address of the dynamic linker, which the kernel told the program as well.
     *
     * @param memory the memory of a 64-bit target
     * @param linker {@code AT_BASE}
     * @return the entries, with an empty name where it is not at hand; empty if there is no such list
     */
    static List<LinkMap> find(AddressSpace memory, long linker) {
        if (linker == 0) {
            return List.of();
        }
        MemorySegment block = MemorySegment.ofArray(new byte[BLOCK]);
        for (Mapping mapping : memory.mappings()) {
            if (!mapping.readable() || mapping.length() < 0 || mapping.length() > LARGEST_DATA) {
                continue;
            }
            // Blocks overlap by a word, so that no pair is missed.
            for (long at = mapping.start(); Long.compareUnsigned(at, mapping.end()) < 0; at += BLOCK - 8) {
                long got = memory.read(at, block.asSlice(0, Math.min(BLOCK, mapping.end() - at)));
                for (long i = 0; i + 16 <= got; i += 8) {
                    if (block.get(Words.LONG, i) == DEBUG) {
                        List<LinkMap> list = list(memory, block.get(Words.LONG, i + 8), linker);
                        if (!list.isEmpty()) {
                            return list;
                        }
                    }
                }
            }
        }
        return List.of();
    }

    private static List<LinkMap> list(AddressSpace memory, long debug, long linker) {
        List<LinkMap> list = new ArrayList<>();
        Set<Long> seen = new HashSet<>();
        try {
            // struct r_debug: version, list of modules, breakpoint, state, base of the dynamic linker.
            if (!memory.mappings().readable(debug, 40) || memory.readLong(debug + 32) != linker) {
                return List.of();
            }
            long entry = memory.readLong(debug + 8);
            while (entry != 0 && seen.add(entry) && seen.size() <= MOST_MODULES) {
                // struct link_map: bias, name, dynamic section, next, previous.
                long bias = memory.readLong(entry);
                list.add(new LinkMap(bias, name(memory, memory.readLong(entry + 8))));
                entry = memory.readLong(entry + 24);
            }
        } catch (UnmappedAddressException e) {
            // What was read before the list broke off is still true.
            return list;
        }
        return list;
    }

    /** That of the dynamic linker lies in the program's own text, which a core may have left out. */
    private static String name(AddressSpace memory, long address) {
        try {
            return memory.readCString(address, 4096);
        } catch (UnmappedAddressException e) {
            return "";
        }
    }
}
