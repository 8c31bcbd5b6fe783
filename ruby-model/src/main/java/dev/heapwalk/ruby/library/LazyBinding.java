// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.library;

import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.ruby.code.MarkFunction;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Which function a library is about to call for the first time, where the dynamic linker looks that up so late: C name
 * {@code _dl_runtime_resolve}, which gets the library's {@code struct link_map} and the number of a relocation. For one
 * thread.
 */
public final class LazyBinding implements MarkFunction.Linker {
    private static final int LONGEST_NAME = 256;
    private static final int MOST_TAGS = 128;

    /** {@code l_ld} of {@code struct link_map}, behind {@code l_addr} and {@code l_name}. */
    private static final int DYNAMIC = 16;

    /** Size of {@code Elf64_Dyn} in bytes, and where {@code d_un} is in it. */
    private static final long TAG_SIZE = 16;

    private static final int TAG_VALUE = 8;

    /** Where the dynamic linker leaves its {@code link_map} and its resolver in {@code DT_PLTGOT}. */
    private static final int TABLE_MAP = 8;

    private static final int TABLE_RESOLVER = 16;

    private static final int OTHER_TAG = -1;
    private static final int DT_PLTGOT = 3;
    private static final int DT_STRTAB = 5;
    private static final int DT_SYMTAB = 6;
    private static final int DT_JMPREL = 23;
    private static final int RELOCATION_SIZE = 24;
    private static final int RELOCATION_INFO = 8;
    private static final int SYMBOL_SIZE = 24;

    private final Target target;
    private final Reader memory;
    /** Where its code and data are; empty if there is none. */
    private final long start;

    private final long end;
    /** What was read of each library, and the number that it has there by its {@code link_map}. */
    private final List<Library> libraries = new ArrayList<>();

    private final LongTable numbers = new LongTable();
    private final LongTable bound = new LongTable();

    /** Where the tables of a library are, for a resolver that it gives to the linker's code. */
    private record Library(long resolver, long relocations, long symbols, long names) {}

    /**
     * Finds the dynamic linker of a target.
     *
     * @param target the target
     * @param memory what reads its memory
     */
    public LazyBinding(Target target, Reader memory) {
        this.target = target;
        this.memory = memory;
        List<Mapping> mappings = target.modules().stream()
                .filter(module ->
                        module.soname().filter(name -> name.startsWith("ld-")).isPresent())
                .findFirst()
                .map(ElfModule::mappings)
                .orElse(List.of());
        this.start = mappings.stream().mapToLong(Mapping::start).min().orElse(0);
        this.end = mappings.stream().mapToLong(Mapping::end).max().orElse(0);
    }

    @Override
    public boolean contains(long address) {
        return address >= start && address < end;
    }

    @Override
    public long bind(long resolver, long map, long index) {
        try {
            int number = (int) numbers.get(map, -1);
            if (number < 0) {
                Optional<Library> read = library(map);
                if (read.isEmpty()) {
                    return 0;
                }
                number = libraries.size();
                libraries.add(read.get());
                numbers.put(map, number);
            }
            Library library = libraries.get(number);
            return library.resolver() == resolver && index == (int) index ? bound(library, index) : 0;
        } catch (UnmappedAddressException e) {
            return 0;
        }
    }

    /** Empty where something else than a {@code link_map} lies. */
    private Optional<Library> library(long map) {
        long names = 0;
        long symbols = 0;
        long relocations = 0;
        long table = 0;
        long bias = memory.readLong(map);
        long dynamic = memory.readLong(map + DYNAMIC);
        for (int i = 0; i < MOST_TAGS; i++) {
            long tag = memory.readLong(dynamic + TAG_SIZE * i);
            long value = memory.readLong(dynamic + TAG_SIZE * i + TAG_VALUE);
            // The linker has made addresses of them, where it may write.
            long address = Long.compareUnsigned(value, bias) < 0 ? value + bias : value;
            switch (tag == (int) tag ? (int) tag : OTHER_TAG) {
                case DT_PLTGOT -> table = address;
                case DT_STRTAB -> names = address;
                case DT_SYMTAB -> symbols = address;
                case DT_JMPREL -> relocations = address;
                default -> {}
            }
            if (tag == 0) {
                break;
            }
        }
        return table == 0 || names == 0 || symbols == 0 || relocations == 0 || memory.readLong(table + TABLE_MAP) != map
                ? Optional.empty()
                : Optional.of(new Library(memory.readLong(table + TABLE_RESOLVER), relocations, symbols, names));
    }

    private long bound(Library library, long index) {
        long relocation = library.relocations() + RELOCATION_SIZE * index;
        long known = bound.get(relocation, -1);
        if (known < 0) {
            long symbol = memory.readLong(relocation + RELOCATION_INFO) >>> 32;
            int name = memory.readInt(library.symbols() + SYMBOL_SIZE * symbol);
            known = exported(memory.readCString(library.names() + (name & 0xffffffffL), LONGEST_NAME));
            bound.put(relocation, known);
        }
        return known;
    }

    private long exported(String name) {
        return target.modules().stream()
                .mapToLong(module -> module.exported(name).orElse(0))
                .filter(address -> address != 0)
                .findFirst()
                .orElse(0);
    }
}
