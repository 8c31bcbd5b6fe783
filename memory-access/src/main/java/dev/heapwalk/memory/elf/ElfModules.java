// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.machine.Processor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;

/** Finds the ELF modules of a target in its memory. */
public final class ElfModules {
    private static final int MOST_SEGMENTS = 4096;
    private static final long LARGEST = 1L << 47;
    private static final long SMALLEST_PAGE = 1 << 12;

    private final AddressSpace memory;
    private final Mappings mappings;
    private final FileRoot root;
    private final Machine machine;
    private final boolean core;
    private final TreeMap<Long, LoadedModule> found = new TreeMap<>(Long::compareUnsigned);

    private ElfModules(AddressSpace memory, FileRoot root, Machine machine, boolean core) {
        this.memory = memory;
        this.mappings = memory.mappings();
        this.root = root;
        this.machine = machine;
        this.core = core;
    }

    /**
     * Finds the modules: every mapped file that begins with an ELF header of the target's machine and whose segments
     * are mapped where that header wants them, and what the auxiliary vector names. Files on disk are looked for later,
     * when a module is asked for symbols.
     *
     * @param memory the target's memory
     * @param root the root folder of the target's file system: {@code /proc/PID/root} of a process
     * @param machine the target's machine
     * @param auxiliary the target's auxiliary vector, or {@link AuxiliaryVector#EMPTY}
     * @param guard which files must not be looked at
     * @return an unmodifiable list in address order
     */
    public static List<ElfModule> find(
            AddressSpace memory, Path root, Machine machine, AuxiliaryVector auxiliary, FileGuard guard) {
        return List.copyOf(find(memory, new FileRoot(root, guard), machine, auxiliary, false));
    }

    /**
     * Finds the modules, of a core also where no file is named, and where it tells nothing of what is never written:
     * older gdbs leave the text out, and the list of files too names only what they wrote.
     *
     * @param core whether the memory is a core's
     */
    static Collection<LoadedModule> find(
            AddressSpace memory, FileRoot root, Machine machine, AuxiliaryVector auxiliary, boolean core) {
        ElfModules search = new ElfModules(memory, root, machine, core);
        search.search(auxiliary);
        return search.found.values();
    }

    /**
     * The same modules in a copy of the memory that they were found in. What was read of their files is kept.
     *
     * @param modules modules that were found by this class
     * @param copy the copy
     * @param root the root folder of the target's file system, by a path that is good as long as the copy is
     * @param machine the target's machine
     * @param guard which files must not be looked at
     * @return an unmodifiable list in the same order
     */
    public static List<ElfModule> in(
            List<ElfModule> modules, AddressSpace copy, Path root, Machine machine, FileGuard guard) {
        FileRoot lasting = new FileRoot(root, guard);
        List<LoadedModule> all = new ArrayList<>();
        for (ElfModule module : modules) {
            all.add(((LoadedModule) module).in(copy, lasting));
        }
        TlsBlocks blocks = new TlsBlocks(copy, Processor.of(machine), all);
        for (int i = 0; i < all.size(); i++) {
            all.get(i).among(blocks, modules.get(i).program());
        }
        return List.copyOf(all);
    }

    /**
     * The file that a module was loaded from.
     *
     * @param module a module that was found by this class
     * @return all of it, mapped; empty if it is not there or is not the same any more
     */
    public static Optional<MemorySegment> file(ElfModule module) {
        return ((LoadedModule) module).mapped();
    }

    private void search(AuxiliaryVector auxiliary) {
        for (Mapping mapping : mappings) {
            boolean file = mapping.path().startsWith("/") && mapping.fileOffset() == 0 && !mapping.shared();
            if (mapping.readable()
                    && (file
                            || core && mapping.path().isEmpty()
                            || mapping.path().equals("[vdso]"))) {
                look(mapping.start(), mapping.path());
            }
        }
        auxiliary.vdso().ifPresent(address -> look(address, "[vdso]"));
        auxiliary.programHeaders().ifPresent(address -> program(address, auxiliary));
        List<LoadedModule> all = List.copyOf(found.values());
        OptionalLong program = auxiliary.programHeaders().isPresent() ? auxiliary.programHeaders() : auxiliary.entry();
        TlsBlocks blocks = new TlsBlocks(memory, Processor.of(machine), all);
        all.forEach(module -> module.among(blocks, program.isPresent() && module.spans(program.getAsLong())));
    }

    private Optional<MemorySegment> read(long address, long size) {
        MemorySegment bytes = MemorySegment.ofArray(new byte[(int) size]);
        return memory.read(address, bytes) == size ? Optional.of(bytes) : Optional.empty();
    }

    private void look(long address, String path) {
        if (found.containsKey(address)) {
            return;
        }
        Optional<ElfHeader> parsed = read(address, ElfHeader.SIZE).flatMap(ElfHeader::parse);
        if (parsed.isEmpty()) {
            return;
        }
        ElfHeader header = parsed.get();
        boolean loadable = header.type() == ElfHeader.EXECUTABLE || header.type() == ElfHeader.SHARED;
        if (!loadable
                || header.machine() != machine
                || header.programHeaderCount() > MOST_SEGMENTS
                || header.programHeaders() < 0
                || header.programHeaders() > 1 << 20) {
            return;
        }
        int size = ProgramHeader.size(header.wide());
        Optional<List<ProgramHeader>> segments = read(
                        address + header.programHeaders(), (long) size * header.programHeaderCount())
                .map(table -> ProgramHeader.parseAll(table, header.wide()));
        if (segments.isEmpty()) {
            return;
        }
        for (ProgramHeader segment : segments.get()) {
            // The segment that begins with the file's first page holds the header.
            if (segment.type() == ProgramHeader.LOAD && segment.offset() >= 0 && segment.offset() < 1 << 16) {
                long bias = address - (segment.address() - segment.offset());
                if (header.type() == ElfHeader.SHARED || bias == 0) {
                    module(path, header.wide(), bias, segments.get());
                }
                return;
            }
        }
    }

    /** The program itself, where its first page can't be read or is not mapped from a file. */
    private void program(long address, AuxiliaryVector auxiliary) {
        long count = auxiliary.programHeaderCount().orElse(0);
        if (count <= 0 || count > MOST_SEGMENTS || found.values().stream().anyMatch(module -> module.spans(address))) {
            return;
        }
        boolean wide = machine.wordSize() == 8;
        Optional<List<ProgramHeader>> segments =
                read(address, count * ProgramHeader.size(wide)).map(table -> ProgramHeader.parseAll(table, wide));
        if (segments.isEmpty()) {
            return;
        }
        long bias = 0;
        for (ProgramHeader segment : segments.get()) {
            if (segment.type() == ProgramHeader.TABLE) {
                bias = address - segment.address();
            }
        }
        String path = mappings.at(address).map(Mapping::path).orElse("");
        module(path.startsWith("/") ? path : "", wide, bias, segments.get());
    }

    private void module(String path, boolean wide, long bias, List<ProgramHeader> segments) {
        long start = -1;
        long end = 0;
        List<Mapping> own = new ArrayList<>();
        for (ProgramHeader segment : segments) {
            if (segment.type() != ProgramHeader.LOAD || segment.memorySize() == 0) {
                continue;
            }
            long from = bias + segment.address();
            long to = from + segment.memorySize();
            if (segment.memorySize() < 0
                    || Long.compareUnsigned(to, from) < 0
                    || !isAt(segment, from)
                            && !(core && !segment.writable() && isUnknown(from, to) && hasData(bias, segments))) {
                return;
            }
            long page = from & -SMALLEST_PAGE;
            start = Long.compareUnsigned(page, start) < 0 ? page : start;
            end = Long.compareUnsigned(to, end) > 0 ? to : end;
        }
        if (Long.compareUnsigned(start, end) >= 0
                || end - start < 0
                || end - start > LARGEST
                || found.containsKey(start)) {
            return;
        }
        List<Mapping> list = mappings.list();
        for (int i = firstBehind(list, start); i < list.size(); i++) {
            if (Long.compareUnsigned(list.get(i).start(), end) >= 0) {
                break;
            }
            if (overlaps(list.get(i), bias, segments)) {
                own.add(list.get(i));
            }
        }
        // A program that moved its first page to other memory is named by the rest of it.
        String name = path.isEmpty()
                ? own.stream()
                        .map(Mapping::path)
                        .filter(it -> it.startsWith("/"))
                        .findFirst()
                        .orElse("")
                : path;
        found.put(
                start,
                new LoadedModule(memory, root, machine, wide, name, bias, segments, List.copyOf(own), start, end));
    }

    /** A file that is merely mapped to be read looks like a module, but its code can't be executed there. */
    private boolean isAt(ProgramHeader segment, long from) {
        Optional<Mapping> mapping = mappings.at(from);
        return mapping.isPresent() && (!segment.executable() || mapping.get().executable());
    }

    /** Whether nothing is known of a range: neither that it was mapped, nor that something else was. */
    private boolean isUnknown(long from, long to) {
        List<Mapping> list = mappings.list();
        int next = firstBehind(list, from);
        return next == list.size() || Long.compareUnsigned(list.get(next).start(), to) >= 0;
    }

    /** Whether the variables of a module are where its header wants them. */
    private boolean hasData(long bias, List<ProgramHeader> segments) {
        for (ProgramHeader segment : segments) {
            if (segment.type() == ProgramHeader.LOAD && segment.writable() && segment.memorySize() > 0) {
                long from = bias + segment.address();
                // The beginning may be read-only since it was relocated.
                return mappings.at(from).isPresent()
                        && mappings.at(from + segment.memorySize() - 1)
                                .filter(Mapping::writable)
                                .isPresent();
            }
        }
        return false;
    }

    /** The index of the first mapping that ends behind an address. */
    private static int firstBehind(List<Mapping> list, long address) {
        int low = 0;
        int high = list.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (Long.compareUnsigned(list.get(middle).end(), address) <= 0) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    private static boolean overlaps(Mapping mapping, long bias, List<ProgramHeader> segments) {
        for (ProgramHeader segment : segments) {
            long from = bias + segment.address();
            if (segment.type() == ProgramHeader.LOAD
                    && segment.memorySize() > 0
                    && Long.compareUnsigned(mapping.start(), from + segment.memorySize()) < 0
                    && Long.compareUnsigned(from, mapping.end()) < 0) {
                return true;
            }
        }
        return false;
    }
}
