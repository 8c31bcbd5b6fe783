// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.machine.Processor;
import dev.heapwalk.memory.machine.Processor.TlsVariant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Finds a thread's copy of a module's thread-local variables: by what glibc tells its debuggers about the dynamic
 * linker's books, and where there are no such books by what follows from the program's headers or its relocated words.
 * musl numbers modules in the order in which it loads them.
 */
final class TlsBlocks {
    /** {@code _thread_db_*}: descriptions that libthread_db reads, exported by every glibc. */
    private static final String DESCRIPTION = "_thread_db_";
    /** Each glibc has it, and nobody else. */
    private static final String GLIBC = "gnu_get_libc_version";
    /** The third part of musl's dynamic linker. */
    private static final String MUSL = "__dls3";
    /** What musl tells debuggers: a pointer to its {@code struct r_debug}. */
    private static final String MUSL_DEBUG = "_dl_debug_addr";

    private static final int MOST_LISTS = 1 << 10;
    private static final int MOST_ENTRIES = 1 << 16;

    private final AddressSpace memory;
    private final Processor processor;
    private final List<LoadedModule> modules;
    private final int word;

    private Optional<Books> books = Optional.empty();
    private boolean sought;

    /**
     * Where the dynamic linker keeps its books.
     *
     * @param first target address of the pointer to the first {@code struct dtv_slotinfo_list}
     * @param length offset of its count of entries
     * @param next offset of the pointer to the next one
     * @param infos offset of its entries, {@code struct dtv_slotinfo}
     * @param size of an entry
     * @param generation offset of an entry's generation
     * @param map offset of an entry's pointer to the {@code struct link_map}
     * @param offset offset of {@code link_map.l_tls_offset}
     */
    private record Books(
            long first, long length, long next, long infos, long size, long generation, long map, long offset) {}

    /**
     * Makes one.
     *
     * @param modules all that are loaded
     */
    TlsBlocks(AddressSpace memory, Processor processor, List<LoadedModule> modules) {
        this.memory = memory;
        this.processor = processor;
        this.modules = modules;
        this.word = processor.machine().wordSize();
    }

    /**
     * What the dynamic linker noted of a module.
     *
     * @param id the module's number, and the index of its block in each thread's vector
     * @param generation when it was loaded, as a thread's vector counts
     * @param offset how far its blocks lie from the thread pointer, if they are static
     */
    private record Noted(long id, long generation, long offset) {}

    Optional<Range> find(LoadedModule module, ProgramHeader segment, long threadPointer) {
        try {
            OptionalLong block = address(module, segment, threadPointer);
            return block.isPresent()
                    ? Optional.of(new Range(block.getAsLong(), block.getAsLong() + segment.memorySize()))
                            .filter(range -> fits(range, segment))
                    : Optional.empty();
        } catch (UnmappedAddressException e) {
            return Optional.empty();
        }
    }

    private OptionalLong address(LoadedModule module, ProgramHeader segment, long threadPointer) {
        Optional<Noted> noted = books().flatMap(where -> noted(module, where));
        if (noted.isPresent()) {
            return isStatic(noted.get().offset, segment)
                    ? OptionalLong.of(
                            processor.tlsVariant() == TlsVariant.BELOW
                                    ? threadPointer - noted.get().offset
                                    : threadPointer + noted.get().offset)
                    : inVector(threadPointer, noted.get().id, noted.get().generation);
        }
        if (module.program()) {
            return OptionalLong.of(threadPointer + firstOffset(segment));
        }
        Optional<LoadedModule.TlsSlot> slot = module.tlsSlots().stream().findFirst();
        if (slot.isPresent()) {
            return OptionalLong.of(
                    threadPointer + word(slot.get().gotAddress()) - slot.get().tlsOffset());
        }
        OptionalLong number = module.tlsModuleWord();
        if (exported(MUSL).isPresent()) {
            return inMuslVector(threadPointer, number.isPresent() ? word(number.getAsLong()) : numberByOrder(module));
        }
        return number.isPresent() && exported(GLIBC).isPresent()
                ? inVector(threadPointer, word(number.getAsLong()), 0)
                : OptionalLong.empty();
    }

    /** A block of musl's vector of words, whose first one tells how many there are. Each thread has all blocks. */
    private OptionalLong inMuslVector(long threadPointer, long id) {
        // Above the thread pointer, thread-local storage begins behind struct pthread, whose last word it is.
        long at = processor.tlsVariant() == TlsVariant.BELOW ? processor.dtv() : -word;
        long vector = word(threadPointer + at);
        if (id <= 0 || Long.compareUnsigned(id, word(vector)) > 0) {
            return OptionalLong.empty();
        }
        long block = word(vector + id * word);
        return block == 0 ? OptionalLong.empty() : OptionalLong.of(block);
    }

    /** The number that musl has given a module, as they come in its list: from 1 on, if it has thread-local variables. */
    private long numberByOrder(LoadedModule module) {
        OptionalLong debug = exported(MUSL_DEBUG);
        if (debug.isEmpty()) {
            return 0;
        }
        // struct r_debug: version, list of modules. struct link_map: bias, name, dynamic section, next.
        long entry = word(word(debug.getAsLong()) + word);
        long number = 0;
        for (int i = 0; i < MOST_ENTRIES && entry != 0; i++) {
            long bias = word(entry);
            long dynamic = word(entry + 2L * word);
            for (LoadedModule other : modules) {
                if (other.bias() == bias && other.dynamicAddress() == dynamic && other.tlsSize() > 0) {
                    number++;
                    if (other == module) {
                        return number;
                    }
                }
            }
            entry = word(entry + 3L * word);
        }
        return 0;
    }

    private boolean fits(Range range, ProgramHeader segment) {
        return Long.bitCount(alignment(segment)) == 1
                && (range.start() - segment.address() & alignment(segment) - 1) == 0
                && segment.memorySize() > 0
                && memory.mappings().readable(range.start(), segment.memorySize());
    }

    private static long alignment(ProgramHeader segment) {
        return Math.max(1, segment.alignment());
    }

    /** {@code l_tls_offset} may also say that there is none, or that the module's blocks are allocated when used. */
    private boolean isStatic(long offset, ProgramHeader segment) {
        return processor.tlsVariant() == TlsVariant.BELOW
                ? offset >= segment.memorySize() && offset > 0
                : offset >= processor.tcbSize();
    }

    /** Where the first module's block lies, counted from the thread pointer: it is the first in static storage. */
    private long firstOffset(ProgramHeader segment) {
        long mask = alignment(segment) - 1;
        // By how much the block must begin behind a multiple of its alignment, to begin as it does in the file.
        long before = -segment.address() & mask;
        if (processor.tlsVariant() == TlsVariant.BELOW) {
            return -((segment.memorySize() - before + mask & ~mask) + before);
        }
        long first = processor.tcbSize() + mask & ~mask;
        return first - processor.tcbSize() < before ? first + mask + 1 - before : first - before;
    }

    /** The block that a thread's vector names; empty if the thread has not used the module yet. */
    private OptionalLong inVector(long threadPointer, long id, long generation) {
        long vector = word(threadPointer + processor.dtv());
        // Entries of two words; the one before the first tells how many there are, the first one how old it is.
        if (id <= 0
                || Long.compareUnsigned(id, word(vector - 2L * word)) > 0
                || Long.compareUnsigned(generation, word(vector)) > 0) {
            return OptionalLong.empty();
        }
        long block = word(vector + id * 2L * word);
        return block == 0 || block == (word == 8 ? -1 : 0xffffffffL) ? OptionalLong.empty() : OptionalLong.of(block);
    }

    private synchronized Optional<Books> books() {
        if (!sought) {
            books = findBooks();
            sought = true;
        }
        return books;
    }

    private Optional<Books> findBooks() {
        OptionalLong global = exported("_rtld_global");
        OptionalLong size = exported(DESCRIPTION + "sizeof_dtv_slotinfo");
        OptionalLong list = field("rtld_global__dl_tls_dtv_slotinfo_list");
        OptionalLong length = field("dtv_slotinfo_list_len");
        OptionalLong next = field("dtv_slotinfo_list_next");
        OptionalLong infos = field("dtv_slotinfo_list_slotinfo");
        OptionalLong generation = field("dtv_slotinfo_gen");
        OptionalLong map = field("dtv_slotinfo_map");
        OptionalLong offset = field("link_map_l_tls_offset");
        for (OptionalLong each : List.of(global, size, list, length, next, infos, generation, map, offset)) {
            if (each.isEmpty()) {
                return Optional.empty();
            }
        }
        return Optional.of(new Books(
                global.getAsLong() + list.getAsLong(),
                length.getAsLong(),
                next.getAsLong(),
                infos.getAsLong(),
                memory.readInt(size.getAsLong()),
                generation.getAsLong(),
                map.getAsLong(),
                offset.getAsLong()));
    }

    private Optional<Noted> noted(LoadedModule module, Books where) {
        long node = word(where.first);
        long id = 0;
        for (int lists = 0; lists < MOST_LISTS && node != 0; lists++) {
            long count = word(node + where.length);
            for (long i = 0; i < count && id < MOST_ENTRIES; i++, id++) {
                long info = node + where.infos + i * where.size;
                long entry = word(info + where.map);
                // struct link_map: bias, name, dynamic section.
                if (entry != 0 && word(entry) == module.bias() && word(entry + 2L * word) == module.dynamicAddress()) {
                    return Optional.of(new Noted(id, word(info + where.generation), signed(entry + where.offset)));
                }
            }
            node = word(node + where.next);
        }
        return Optional.empty();
    }

    /** The offset of a field: the last of the three halves that describe it. */
    private OptionalLong field(String name) {
        OptionalLong description = exported(DESCRIPTION + name);
        return description.isPresent()
                ? OptionalLong.of(memory.readInt(description.getAsLong() + 2 * Integer.BYTES))
                : OptionalLong.empty();
    }

    private OptionalLong exported(String name) {
        for (LoadedModule module : modules) {
            OptionalLong address = module.exported(name);
            if (address.isPresent()) {
                return address;
            }
        }
        return OptionalLong.empty();
    }

    private long word(long address) {
        return word == 8 ? memory.readLong(address) : Integer.toUnsignedLong(memory.readInt(address));
    }

    private long signed(long address) {
        return word == 8 ? memory.readLong(address) : memory.readInt(address);
    }
}
