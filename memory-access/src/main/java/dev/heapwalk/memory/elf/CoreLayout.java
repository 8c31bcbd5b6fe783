// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.held.HeldMemory;
import dev.heapwalk.memory.held.HeldMemory.Region;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Puts the address space of a core together: what was mapped, which bytes of it the core has, and which of those that
 * it left out stand in a file on disk that is the same build.
 */
final class CoreLayout {
    private static final int MOST_NOTICES = 50;
    private static final int USUAL_PAGE = 1 << 12;
    private static final int MOST_RANGES = 8;
    private static final String SYSROOT = "; give the root folder of the system that the core is from with --sysroot";

    private final CoreFile core;
    private final FileRoot root;
    private final List<Piece> pieces = new ArrayList<>();
    private final List<Region> regions = new ArrayList<>();
    private final List<LeftOut> leftOut = new ArrayList<>();
    private final List<String> notices;
    private final List<Mapping> mappings = new ArrayList<>();
    private final long page;

    /**
     * A {@code PT_LOAD} with what overlaps an earlier one cut off. {@code fileEnd} is behind the last byte in the file.
     */
    private record Piece(long start, long fileEnd, long end, long offset, ProgramHeader header) {}

    /**
     * A readable range that the core does not claim to have, the index of its mapping, whether a segment tells of it.
     */
    private record LeftOut(long start, long end, int index, boolean protectionKnown) {
        long size() {
            return end - start;
        }

        @Override
        public String toString() {
            return "0x%x-0x%x".formatted(start, end);
        }
    }

    CoreLayout(CoreFile core, FileRoot root) {
        this.core = core;
        this.root = root;
        this.notices = new ArrayList<>(core
                .truncation()
                .map(cut ->
                        "core file %s is %s; copy the whole file, or see whether the disk was full or `ulimit -c` too small"
                                .formatted(core.path(), cut))
                .stream()
                .toList());
        notices.addAll(core.notices());
        this.page = core.auxiliary().pageSize().orElse(USUAL_PAGE);
    }

    /** Puts it together. */
    HeldMemory build() {
        sweep();
        regions();
        mappings();
        HeldMemory bare = memory();
        Map<Long, String> paths = core.files().isEmpty() ? pathsByBias(bare) : Map.of();
        if (!paths.isEmpty()) {
            name(find(bare), paths);
            bare = memory();
        }
        TreeMap<Long, LoadedModule> modules = find(bare);
        if (complete(modules.values())) {
            bare = memory();
            modules = find(bare);
        }
        if (!leftOut.isEmpty()) {
            recognise(bare, modules, paths);
        }
        fill(List.copyOf(modules.values()));
        return memory();
    }

    private HeldMemory memory() {
        return new HeldMemory(core.description(), new Mappings(mappings), regions, core.bytes(), core.mapping());
    }

    private TreeMap<Long, LoadedModule> find(HeldMemory memory) {
        TreeMap<Long, LoadedModule> modules = new TreeMap<>(Long::compareUnsigned);
        for (LoadedModule module : ElfModules.find(memory, root, core.machine(), core.auxiliary(), true)) {
            modules.put(module.start(), module);
        }
        return modules;
    }

    /** The load biases of the modules that the dynamic linker lists, and the paths that it has for them. */
    private Map<Long, String> pathsByBias(HeldMemory memory) {
        Map<Long, String> paths = new LinkedHashMap<>();
        if (core.machine().wordSize() != 8 || core.auxiliary().linker().isEmpty()) {
            return paths;
        }
        long linker = core.auxiliary().linker().getAsLong();
        Optional<String> program = Optional.empty();
        for (LinkMap link : LinkMap.find(memory, linker)) {
            // The program is the first one. glibc has no name for it, musl the one that it was called by.
            String path = link.name();
            if (program.isEmpty()) {
                path = path.startsWith("/") ? path : programPath(memory);
                program = Optional.of(path);
            } else if (path.isEmpty() && link.bias() == linker) {
                path = interpreter(program.get());
            }
            if (path.startsWith("/")) {
                paths.putIfAbsent(link.bias(), path);
            }
        }
        return paths;
    }

    /** The name of the dynamic linker, which lies in a program's own text: its file has it where a core has not. */
    private String interpreter(String program) {
        return root.candidates(program).stream()
                .map(ElfFile::open)
                .flatMap(Optional::stream)
                .filter(file -> file.header().machine() == core.machine())
                .findFirst()
                .flatMap(ElfFile::interpreter)
                .orElse("");
    }

    private String programPath(HeldMemory memory) {
        OptionalLong name = core.auxiliary().executableName();
        try {
            return name.isPresent() ? memory.readCString(name.getAsLong(), 4096) : "";
        } catch (UnmappedAddressException e) {
            return "";
        }
    }

    private void name(TreeMap<Long, LoadedModule> modules, Map<Long, String> paths) {
        for (int i = 0; i < mappings.size(); i++) {
            Mapping mapping = mappings.get(i);
            LoadedModule module = mapping.path().isEmpty() ? modules.get(mapping.start()) : null;
            if (module != null && paths.containsKey(module.bias())) {
                mappings.set(i, named(mapping, 0, paths.get(module.bias())));
            }
        }
    }

    private static Mapping named(Mapping mapping, long offset, String path) {
        return new Mapping(
                mapping.start(),
                mapping.end(),
                mapping.readable(),
                mapping.writable(),
                mapping.executable(),
                mapping.shared(),
                offset,
                path);
    }

    /**
     * Adds what the core does not tell of, but the headers of modules do, as left out: older gdbs write neither a
     * segment nor a name for what is never written.
     *
     * @return whether there was such
     */
    private boolean complete(Collection<LoadedModule> modules) {
        Mappings known = new Mappings(mappings);
        List<Mapping> added = new ArrayList<>();
        for (LoadedModule module : modules) {
            for (ProgramHeader segment : module.segments()) {
                if (segment.type() == ProgramHeader.LOAD
                        && segment.memorySize() > 0
                        && known.at(module.bias() + segment.address()).isEmpty()) {
                    long start = (module.bias() + segment.address()) & -page;
                    long end = (module.bias() + segment.address() + segment.memorySize() + page - 1) & -page;
                    added.add(new Mapping(
                            start,
                            end,
                            segment.readable(),
                            segment.writable(),
                            segment.executable(),
                            false,
                            segment.offset() & -page,
                            module.path().startsWith("/") ? module.path() : ""));
                }
            }
        }
        if (added.isEmpty()) {
            return false;
        }
        // The indexes of what was left out follow.
        List<Mapping> before = List.copyOf(mappings);
        mappings.addAll(added);
        mappings.sort(Comparator.comparingLong(mapping -> mapping.start() + Long.MIN_VALUE));
        Map<Mapping, Integer> index = new IdentityHashMap<>();
        for (int i = 0; i < mappings.size(); i++) {
            index.put(mappings.get(i), i);
        }
        leftOut.replaceAll(
                hole -> new LeftOut(hole.start, hole.end, index.get(before.get(hole.index)), hole.protectionKnown));
        added.forEach(mapping -> leftOut.add(new LeftOut(mapping.start(), mapping.end(), index.get(mapping), true)));
        leftOut.sort(Comparator.comparingLong(hole -> hole.start + Long.MIN_VALUE));
        return true;
    }

    /** What is missing, for a person. */
    List<String> notices() {
        return List.copyOf(notices);
    }

    private void sweep() {
        List<ProgramHeader> sorted = core.segments().stream()
                .filter(header -> header.memorySize() != 0)
                .sorted(Comparator.comparingLong(header -> header.address() + Long.MIN_VALUE))
                .toList();
        long covered = 0;
        int overlaps = 0;
        int absurd = 0;
        for (ProgramHeader header : sorted) {
            long end = header.address() + header.memorySize();
            if (header.memorySize() < 0 || Long.compareUnsigned(end, header.address()) < 0) {
                absurd++;
                continue;
            }
            long start = header.address();
            if (Long.compareUnsigned(start, covered) < 0) {
                overlaps++;
                start = covered;
            }
            if (Long.compareUnsigned(start, end) >= 0) {
                continue;
            }
            long fileSize = header.fileSize() < 0
                    ? 0
                    : Math.min(header.fileSize(), header.memorySize()) - (start - header.address());
            long offset = header.offset() + (start - header.address());
            pieces.add(new Piece(start, start + Math.max(fileSize, 0), end, offset, header));
            covered = end;
        }
        if (overlaps > 0) {
            notices.add(
                    "core file %s is damaged: %d of its segments overlap others; what comes first in memory was taken"
                            .formatted(core.path(), overlaps));
        }
        if (absurd > 0) {
            notices.add(
                    "core file %s is damaged: %d of its segments are larger than the address space; they were left out"
                            .formatted(core.path(), absurd));
        }
    }

    private void regions() {
        long size = core.bytes().byteSize();
        int unnamed = 0;
        int named = 0;
        for (Piece piece : pieces) {
            long wanted = piece.fileEnd - piece.start;
            long there = piece.offset < 0 || piece.offset > size ? 0 : Math.min(wanted, size - piece.offset);
            if (there > 0) {
                regions.add(new Region(piece.start, core.bytes().asSlice(piece.offset, there)));
            }
            if (there < wanted && ++named <= MOST_NOTICES) {
                notices.add("memory 0x%x-0x%x is missing from core file %s (file offset %d, %d bytes)"
                        .formatted(
                                piece.start + there, piece.fileEnd, core.path(), piece.offset + there, wanted - there));
            } else if (there < wanted) {
                unnamed++;
            }
        }
        if (unnamed > 0) {
            notices.add("core file %s is cut off: %d more segments are missing".formatted(core.path(), unnamed));
        }
    }

    private void mappings() {
        List<CoreFile.MappedFile> files = core.files().stream()
                .sorted(Comparator.comparingLong(file -> file.start() + Long.MIN_VALUE))
                .toList();
        TreeSet<Long> bounds = new TreeSet<>(Long::compareUnsigned);
        pieces.forEach(piece -> {
            bounds.add(piece.start);
            bounds.add(piece.end);
        });
        files.forEach(file -> {
            bounds.add(file.start());
            bounds.add(file.end());
        });
        int piece = 0;
        int file = 0;
        Long from = null;
        for (Long to : bounds) {
            if (from != null) {
                while (piece < pieces.size() && Long.compareUnsigned(pieces.get(piece).end, from) <= 0) {
                    piece++;
                }
                while (file < files.size()
                        && Long.compareUnsigned(files.get(file).end(), from) <= 0) {
                    file++;
                }
                Piece load = piece < pieces.size() && Long.compareUnsigned(pieces.get(piece).start, from) <= 0
                        ? pieces.get(piece)
                        : null;
                CoreFile.MappedFile mapped = file < files.size()
                                && Long.compareUnsigned(files.get(file).start(), from) <= 0
                        ? files.get(file)
                        : null;
                if (load != null || mapped != null) {
                    mapping(from, to, load, mapped);
                }
            }
            from = to;
        }
    }

    private void mapping(long start, long end, Piece load, CoreFile.MappedFile file) {
        String path = file != null ? root.inside(file.path()) : kernelName(start, end);
        long offset = file != null ? file.offset() + (start - file.start()) : 0;
        // gcore does not write a segment for what it leaves out, so nothing tells how it was protected.
        Mapping mapping = load == null
                ? new Mapping(start, end, true, false, true, false, offset, path)
                : new Mapping(
                        start,
                        end,
                        load.header.readable(),
                        load.header.writable(),
                        load.header.executable(),
                        false,
                        offset,
                        path);
        mappings.add(mapping);
        long missing = load == null || Long.compareUnsigned(load.fileEnd, start) < 0 ? start : load.fileEnd;
        if (mapping.readable() && Long.compareUnsigned(missing, end) < 0) {
            leftOut.add(new LeftOut(missing, end, mappings.size() - 1, load != null));
        }
    }

    /** The names that {@code /proc/PID/maps} would have, where the core tells. */
    private String kernelName(long start, long end) {
        if (core.auxiliary().vdso().orElse(0) == start && start != 0) {
            return "[vdso]";
        }
        if (!core.threads().isEmpty()
                && core.threads().getFirst().tid() == core.pid().orElse(-1)) {
            long stack = core.threads()
                    .getFirst()
                    .registers()
                    .map(registers -> registers.stackPointer())
                    .orElse(0L);
            if (Long.compareUnsigned(stack, start) >= 0 && Long.compareUnsigned(stack, end) < 0) {
                return "[stack]";
            }
        }
        return "";
    }

    /** Adds modules whose headers were left out, where what the dynamic linker made of them tells the file. */
    private void recognise(HeldMemory memory, TreeMap<Long, LoadedModule> modules, Map<Long, String> paths) {
        for (Mapping mapping : mappings) {
            if (mapping.path().startsWith("/")
                    && mapping.fileOffset() == 0
                    && module(modules, mapping.start()) == null) {
                recognise(memory, modules, mapping.path(), file -> {
                    for (ProgramHeader segment : file.programHeaders()) {
                        if (segment.type() == ProgramHeader.LOAD) {
                            return OptionalLong.of(mapping.start() - (segment.address() - segment.offset()));
                        }
                    }
                    return OptionalLong.empty();
                });
            }
        }
        paths.forEach((bias, path) -> recognise(memory, modules, path, _ -> OptionalLong.of(bias)));
    }

    private void recognise(
            HeldMemory memory,
            TreeMap<Long, LoadedModule> modules,
            String path,
            Function<ElfFile, OptionalLong> place) {
        for (Path candidate : root.candidates(path)) {
            Optional<ElfFile> found =
                    ElfFile.open(candidate).filter(file -> file.header().machine() == core.machine());
            OptionalLong bias = found.map(place).orElse(OptionalLong.empty());
            if (bias.isEmpty()) {
                continue;
            }
            int agreement = agreement(memory, found.get(), bias.getAsLong());
            if (agreement > 0) {
                add(modules, new LoadedModule(memory, root, core.machine(), path, bias.getAsLong(), found.get(), page));
                notices.add(
                        "core file %s has no build id of %s; its pages are served from %s, which agrees in %d words that the dynamic linker wrote"
                                .formatted(core.path(), path, candidate, agreement));
                return;
            }
        }
    }

    /** In how many words memory is what the loader makes of a file; 0 also if the file changes meanwhile. */
    private static int agreement(HeldMemory memory, ElfFile file, long bias) {
        try {
            return file.map()
                    .map(bytes -> new FileImage(file, bytes).agreement(memory, bias))
                    .orElse(0);
        } catch (InternalError e) {
            // That is how the JVM reports that a mapped file was cut short.
            return 0;
        }
    }

    private static void add(TreeMap<Long, LoadedModule> modules, LoadedModule module) {
        if (module.start() != module.end() && module(modules, module.start()) == null) {
            modules.put(module.start(), module);
        }
    }

    private static LoadedModule module(TreeMap<Long, LoadedModule> modules, long address) {
        Map.Entry<Long, LoadedModule> below = modules.floorEntry(address);
        return below != null && below.getValue().spans(address) ? below.getValue() : null;
    }

    private void fill(List<LoadedModule> modules) {
        Map<LoadedModule, List<LeftOut>> unfilled = new LinkedHashMap<>();
        Map<String, Long> headless = new LinkedHashMap<>();
        List<LeftOut> anonymous = new ArrayList<>();
        int next = 0;
        for (LeftOut hole : leftOut) {
            while (next + 1 < modules.size()
                    && Long.compareUnsigned(modules.get(next + 1).start(), hole.start) <= 0) {
                next++;
            }
            Mapping mapping = mappings.get(hole.index);
            if (!modules.isEmpty() && modules.get(next).spans(hole.start)) {
                LoadedModule module = modules.get(next);
                if (!fill(hole, module)) {
                    unfilled.computeIfAbsent(module, _ -> new ArrayList<>()).add(hole);
                }
            } else if (mapping.anonymous()) {
                // gdb 18 writes what nobody may access, such as the rest of a heap's reserve, as empty and read-only.
                if (mapping.writable() || mapping.executable()) {
                    anonymous.add(hole);
                }
            } else {
                headless.merge(mapping.path(), hole.size(), Long::sum);
            }
        }
        unfilled.forEach((module, holes) -> notices.add("%d bytes of %s (%s) are not in core file %s, and %s"
                .formatted(
                        holes.stream().mapToLong(LeftOut::size).sum(),
                        module.path(),
                        ranges(holes),
                        core.path(),
                        reason(module))));
        // A file that is mapped in several parts is a program or library; others hold no memory of interest.
        Map<String, Long> parts =
                mappings.stream().collect(Collectors.groupingBy(Mapping::path, Collectors.counting()));
        headless.keySet().removeIf(path -> parts.get(path) < 2);
        headless.forEach((path, size) -> notices.add(
                "%d bytes of %s are not in core file %s, and its ELF header is not either (bit 4 of coredump_filter), so nothing tells whether the file on disk is the same build"
                        .formatted(size, path, core.path())));
        if (!anonymous.isEmpty()) {
            notices.add(
                    "%d bytes of memory (%s) were left out of core file %s by coredump_filter, by madvise or by the program that wrote it"
                            .formatted(
                                    anonymous.stream().mapToLong(LeftOut::size).sum(), ranges(anonymous), core.path()));
        }
    }

    private static String ranges(List<LeftOut> holes) {
        String named = holes.stream().limit(MOST_RANGES).map(LeftOut::toString).collect(Collectors.joining(", "));
        return holes.size() <= MOST_RANGES ? named : "%s and %d more".formatted(named, holes.size() - MOST_RANGES);
    }

    private static String reason(LoadedModule module) {
        LoadedModule.Disk disk = module.disk();
        return disk.file().isEmpty()
                ? disk.why() + SYSROOT
                : "they are of a writable segment, which the file on disk does not tell of";
    }

    /** Serves a range from the file that a module was loaded from. */
    private boolean fill(LeftOut hole, LoadedModule module) {
        Optional<ElfFile> file = module.disk().file();
        if (file.isEmpty()) {
            return false;
        }
        for (ProgramHeader segment : module.segments()) {
            if (segment.type() != ProgramHeader.LOAD || segment.fileSize() <= 0) {
                continue;
            }
            long start = (module.bias() + segment.address()) & -page;
            long end = module.bias() + segment.address() + segment.fileSize();
            if (Long.compareUnsigned(hole.start, start) < 0 || Long.compareUnsigned(hole.start, end) >= 0) {
                continue;
            }
            describe(hole, segment, module);
            long offset = hole.start - module.bias() - segment.address() + segment.offset();
            Optional<MemorySegment> mapped = module.mapped();
            if (mapped.isEmpty()) {
                return false;
            }
            MemorySegment bytes = mapped.get();
            Mapping mapping = mappings.get(hole.index);
            boolean elsewhere =
                    !mapping.path().isEmpty() && offset != mapping.fileOffset() + (hole.start - mapping.start());
            if (segment.writable() || elsewhere || offset < 0 || offset >= bytes.byteSize()) {
                return false;
            }
            long there = Math.min(hole.end - hole.start, bytes.byteSize() - offset);
            regions.add(new Region(hole.start, bytes.asSlice(offset, there)));
            long rest = hole.end - hole.start - there;
            if (rest > 0 && rest < page) {
                // Behind its end, the last page of a mapped file is zero.
                regions.add(new Region(hole.start + there, Arena.ofAuto().allocate(rest)));
            }
            return rest < page;
        }
        return false;
    }

    /** Where the core tells neither how a range was protected nor what was mapped there, the file does. */
    private void describe(LeftOut hole, ProgramHeader segment, LoadedModule module) {
        Mapping mapping = mappings.get(hole.index);
        boolean named = !mapping.path().isEmpty();
        if (hole.protectionKnown && named) {
            return;
        }
        long offset = mapping.start() - module.bias() - segment.address() + segment.offset();
        mappings.set(
                hole.index,
                new Mapping(
                        mapping.start(),
                        mapping.end(),
                        hole.protectionKnown ? mapping.readable() : segment.readable(),
                        hole.protectionKnown ? mapping.writable() : segment.writable(),
                        hole.protectionKnown ? mapping.executable() : segment.executable(),
                        false,
                        named ? mapping.fileOffset() : offset,
                        named ? mapping.path() : module.path()));
    }
}
