// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.machine.Processor;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongPredicate;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/** A module that was found in memory by its ELF header. Files are looked for when they are first needed. */
final class LoadedModule implements ElfModule {
    private static final String DELETED = " (deleted)";
    private static final int MOST_NOTES = 1 << 16;
    private static final int COMPARED = 1 << 20;

    private final AddressSpace memory;
    private final FileRoot root;
    private final Machine machine;
    private final boolean wide;
    private final String path;
    private final long bias;
    private final List<ProgramHeader> segments;
    private final List<Mapping> mappings;
    private final long start;
    private final long end;
    private final Optional<String> buildId;
    private final List<Range> writableSegments;

    private DynamicSection dynamic;
    private Optional<String> soname;
    private Disk disk;
    private Optional<MemorySegment> mapped;
    private List<SymbolTable> tables;
    private Optional<SymbolTable> functions;

    private SymbolIndex index;
    private Optional<TlsBlocks> tlsBlocks = Optional.empty();
    private boolean program;

    /**
     * The file on disk.
     *
     * @param file the file, if there is one that is the same build
     * @param why otherwise the reason, as the end of a sentence
     */
    record Disk(Optional<ElfFile> file, String why) {}

    LoadedModule(
            AddressSpace memory,
            FileRoot root,
            Machine machine,
            boolean wide,
            String path,
            long bias,
            List<ProgramHeader> segments,
            List<Mapping> mappings,
            long start,
            long end) {
        this(memory, root, machine, wide, path, bias, segments, mappings, start, end, buildId(memory, bias, segments));
    }

    private LoadedModule(
            AddressSpace memory,
            FileRoot root,
            Machine machine,
            boolean wide,
            String path,
            long bias,
            List<ProgramHeader> segments,
            List<Mapping> mappings,
            long start,
            long end,
            Optional<String> buildId) {
        this.memory = memory;
        this.root = root;
        this.machine = machine;
        this.wide = wide;
        this.bias = bias;
        this.segments = segments;
        this.mappings = mappings;
        this.start = start;
        this.end = end;
        this.buildId = buildId;
        this.writableSegments = findWritableSegments();
        this.path = path.isEmpty()
                ? "[" + dynamic().soname().orElse("elf at 0x" + Long.toHexString(start)) + "]"
                : path.endsWith(DELETED) ? path.substring(0, path.length() - DELETED.length()) : path;
    }

    /**
     * A module whose header is not in memory, but that is known to come from a file.
     *
     * @param file the file
     * @param page the page size in bytes
     */
    LoadedModule(AddressSpace memory, FileRoot root, Machine machine, String path, long bias, ElfFile file, long page) {
        this(
                memory,
                root,
                machine,
                file.header().wide(),
                path,
                bias,
                file.programHeaders(),
                List.of(),
                bias + (first(file.programHeaders()) & -page),
                bias + last(file.programHeaders()));
        this.disk = new Disk(Optional.of(file), "");
    }

    /** The same in a copy of the memory, whose files lie under a root that stays. What was read of files is kept. */
    synchronized LoadedModule in(AddressSpace copy, FileRoot lasting) {
        LoadedModule twin =
                new LoadedModule(copy, lasting, machine, wide, path, bias, segments, mappings, start, end, buildId);
        twin.mapped = mapped;
        twin.tables = tables;
        twin.functions = functions;
        return twin;
    }

    private static long first(List<ProgramHeader> segments) {
        return segments.stream()
                .filter(segment -> segment.type() == ProgramHeader.LOAD)
                .mapToLong(ProgramHeader::address)
                .min()
                .orElse(0);
    }

    private static long last(List<ProgramHeader> segments) {
        return segments.stream()
                .filter(segment -> segment.type() == ProgramHeader.LOAD)
                .mapToLong(segment -> segment.address() + segment.memorySize())
                .max()
                .orElse(0);
    }

    private static Optional<String> buildId(AddressSpace memory, long bias, List<ProgramHeader> segments) {
        for (ProgramHeader segment : segments) {
            if (segment.type() == ProgramHeader.NOTE
                    && segment.memorySize() > 0
                    && segment.memorySize() <= MOST_NOTES) {
                MemorySegment notes = MemorySegment.ofArray(new byte[(int) segment.memorySize()]);
                long got = memory.read(bias + segment.address(), notes);
                Optional<String> id = Note.buildId(notes.asSlice(0, got), segment.alignment());
                if (id.isPresent()) {
                    return id;
                }
            }
        }
        return Optional.empty();
    }

    @Override
    public String path() {
        return path;
    }

    @Override
    public long bias() {
        return bias;
    }

    @Override
    public List<Mapping> mappings() {
        return mappings;
    }

    /**
     * Tells a module what follows from all that are loaded.
     *
     * @param blocks what finds thread-local variables
     * @param isProgram whether this one is the program
     */
    synchronized void among(TlsBlocks blocks, boolean isProgram) {
        tlsBlocks = Optional.of(blocks);
        program = isProgram;
    }

    @Override
    public synchronized boolean program() {
        return program;
    }

    private synchronized Optional<TlsBlocks> tlsBlocks() {
        return tlsBlocks;
    }

    private Optional<ProgramHeader> first(int type) {
        return segments.stream().filter(segment -> segment.type() == type).findFirst();
    }

    /** Where its dynamic section lies. */
    long dynamicAddress() {
        return bias + first(ProgramHeader.DYNAMIC).map(ProgramHeader::address).orElse(0L);
    }

    List<ProgramHeader> segments() {
        return segments;
    }

    /** The first address of the module. */
    long start() {
        return start;
    }

    /** The address behind the module's last byte. */
    long end() {
        return end;
    }

    /** Whether an address lies between the first and the last byte of the module. */
    boolean spans(long address) {
        return Long.compareUnsigned(address, start) >= 0 && Long.compareUnsigned(address, end) < 0;
    }

    @Override
    public boolean contains(long address) {
        // Asked for many words, so without a stream.
        if (!mappings.isEmpty()) {
            return spans(address) && isMapped(address);
        }
        for (ProgramHeader segment : segments) {
            if (segment.type() == ProgramHeader.LOAD
                    && Long.compareUnsigned(address - bias - segment.address(), segment.memorySize()) < 0) {
                return true;
            }
        }
        return false;
    }

    private boolean isMapped(long address) {
        for (int i = 0; i < mappings.size(); i++) {
            if (mappings.get(i).contains(address)) {
                return true;
            }
        }
        return false;
    }

    @Override
    public List<Range> writableSegments() {
        return writableSegments;
    }

    private List<Range> findWritableSegments() {
        return segments.stream()
                .filter(segment ->
                        segment.type() == ProgramHeader.LOAD && segment.writable() && segment.memorySize() > 0)
                .flatMap(segment -> mapped(bias + segment.address(), bias + segment.address() + segment.memorySize()))
                .sorted(Comparator.comparingLong(range -> range.start() + Long.MIN_VALUE))
                .toList();
    }

    /** What is mapped of a range: no number in a header makes a search longer than that. */
    private Stream<Range> mapped(long from, long to) {
        List<Range> parts = new ArrayList<>();
        long at = memory.mappings().nextReadable(from, to);
        while (Long.compareUnsigned(at, to) < 0) {
            long behind = memory.mappings().readableEnd(at, to);
            parts.add(new Range(at, behind));
            at = memory.mappings().nextReadable(behind, to);
        }
        return parts.stream();
    }

    @Override
    public Range extent() {
        return new Range(start, end);
    }

    @Override
    public Optional<Range> frameIndex() {
        return first(ProgramHeader.FRAME_INDEX).flatMap(segment -> inside(segment.address(), segment.memorySize()));
    }

    @Override
    public Optional<Range> frameDescriptions() {
        return disk().file()
                .flatMap(file -> file.loaded(".eh_frame"))
                .flatMap(section -> inside(section.start(), section.length()));
    }

    /** A range of the file's addresses as one of the target's, if it lies in the module. */
    private Optional<Range> inside(long address, long size) {
        long from = bias + address;
        return spans(from) && size > 0 && size <= end - from
                ? Optional.of(new Range(from, from + size))
                : Optional.empty();
    }

    @Override
    public Optional<String> buildId() {
        return buildId;
    }

    @Override
    public synchronized Optional<String> soname() {
        if (soname == null) {
            soname = dynamic().soname();
        }
        return soname;
    }

    private synchronized DynamicSection dynamic() {
        if (dynamic == null) {
            ProgramHeader found = first(ProgramHeader.DYNAMIC).orElse(new ProgramHeader(0, 0, 0, 0, 0, 0, 0));
            dynamic = DynamicSection.read(memory, wide, bias, start, end, bias + found.address(), found.memorySize());
        }
        return dynamic;
    }

    /** Looks for the file that the module was loaded from. */
    synchronized Disk disk() {
        if (disk == null) {
            disk = findDisk();
        }
        return disk;
    }

    /** That file, mapped; empty if it is not there or is not the same any more. */
    synchronized Optional<MemorySegment> mapped() {
        if (mapped == null) {
            mapped = disk().file().flatMap(ElfFile::map);
        }
        return mapped;
    }

    private Disk findDisk() {
        if (path.startsWith("[")) {
            return new Disk(Optional.empty(), "no file is known for it");
        }
        Optional<String> hanging = root.mayHang(path);
        String why = hanging.isPresent()
                ? "it lies on a file system (" + hanging.get() + ") that may not answer"
                : "there is no such file under " + root.folder();
        for (Path candidate : root.candidates(path)) {
            Optional<ElfFile> file = ElfFile.open(candidate);
            if (file.isEmpty()) {
                why = candidate + " is no ELF file or can't be read";
                continue;
            }
            Optional<String> there = file.get().buildId();
            if (buildId.isPresent() ? there.equals(buildId) : there.isEmpty() && sameBytes(file.get())) {
                return new Disk(file, "");
            }
            why = "%s is another build (build id in memory: %s, in the file: %s)"
                    .formatted(candidate, buildId.orElse("none"), there.orElse("none"));
        }
        return new Disk(Optional.empty(), why);
    }

    /** Without build ids only equality of everything that is never written tells that a file is the one in memory. */
    private boolean sameBytes(ElfFile file) {
        if (!file.programHeaders().equals(segments)) {
            return false;
        }
        MemorySegment block = MemorySegment.ofArray(new byte[COMPARED]);
        MemorySegment other = MemorySegment.ofArray(new byte[COMPARED]);
        boolean compared = false;
        for (ProgramHeader segment : segments) {
            if (segment.type() != ProgramHeader.LOAD || segment.writable() || segment.fileSize() == 0) {
                continue;
            }
            if (segment.fileSize() < 0) {
                return false;
            }
            for (long at = 0; at < segment.fileSize(); at += COMPARED) {
                MemorySegment here = block.asSlice(0, Math.min(COMPARED, segment.fileSize() - at));
                long got = memory.read(bias + segment.address() + at, here);
                MemorySegment there = other.asSlice(0, here.byteSize());
                if (got < here.byteSize() || !file.read(segment.offset() + at, there) || here.mismatch(there) >= 0) {
                    return false;
                }
            }
            compared = true;
        }
        return compared && file.unchanged();
    }

    private synchronized List<SymbolTable> tables() {
        if (tables == null) {
            List<SymbolTable> found = new ArrayList<>();
            disk().file().flatMap(ElfFile::symbols).ifPresent(found::add);
            debugFile().flatMap(ElfFile::symbols).ifPresent(found::add);
            tables = List.copyOf(found);
        }
        return tables;
    }

    /** The symbols of functions that the file has compressed, where there are no others: it takes time to read them. */
    private synchronized Optional<SymbolTable> functions() {
        if (functions == null) {
            functions = tables().isEmpty() ? disk().file().flatMap(ElfFile::compressedSymbols) : Optional.empty();
        }
        return functions;
    }

    private Optional<ElfFile> debugFile() {
        if (buildId.isPresent() && buildId.get().length() > 2) {
            String id = buildId.get();
            String name = "/usr/lib/debug/.build-id/" + id.substring(0, 2) + "/" + id.substring(2) + ".debug";
            for (Path candidate : root.candidates(name)) {
                Optional<ElfFile> file =
                        ElfFile.open(candidate).filter(it -> it.buildId().equals(buildId));
                if (file.isPresent()) {
                    return file;
                }
            }
        }
        Optional<ElfFile> own = disk().file();
        return own.flatMap(ElfFile::debugLink).flatMap(link -> linkedFile(own.get(), link));
    }

    private Optional<ElfFile> linkedFile(ElfFile own, ElfFile.DebugLink link) {
        // The folder by the name that the target has for it, and by the one that links lead to (/lib and /usr/lib).
        List<String> folders = new ArrayList<>();
        for (String file : List.of(root.inside(path), root.inside(own.path().toString()))) {
            String folder = file.substring(0, file.lastIndexOf('/') + 1);
            if (!folders.contains(folder)) {
                folders.add(folder);
            }
        }
        for (String folder : folders) {
            for (String place : List.of(folder, folder + ".debug/", "/usr/lib/debug" + folder)) {
                for (Path candidate : root.candidates(place + link.name())) {
                    Optional<ElfFile> file = ElfFile.open(candidate)
                            .filter(it -> it.buildId().equals(buildId)
                                    && it.checksum().equals(OptionalInt.of(link.checksum())));
                    if (file.isPresent()) {
                        return file;
                    }
                }
            }
        }
        return Optional.empty();
    }

    @Override
    public boolean hasFullSymbols() {
        return !tables().isEmpty();
    }

    private SymbolTable.Symbol find(String name, boolean threadLocal) {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        SymbolTable.Symbol symbol = dynamic().find(bytes, threadLocal);
        if (symbol != null) {
            return symbol;
        }
        for (SymbolTable table : tables()) {
            SymbolTable.Symbol found = table.find(bytes, threadLocal);
            if (found != null) {
                return found;
            }
        }
        return threadLocal
                ? null
                : functions().map(table -> table.find(bytes, false)).orElse(null);
    }

    /** The dynamic symbols, copied, and then those of files. */
    private List<SymbolTable> allTables() {
        List<SymbolTable> all = new ArrayList<>(dynamic().table().stream().toList());
        all.addAll(tables());
        functions().ifPresent(all::add);
        return all;
    }

    @Override
    public Stream<ElfSymbol> symbols() {
        // A table and its copy in a debug file may differ in binding alone.
        record Place(String name, long address, long size) {}
        Set<Place> seen = ConcurrentHashMap.newKeySet();
        return allTables().stream()
                .flatMap(this::symbols)
                .filter(symbol -> seen.add(new Place(symbol.name(), symbol.address(), symbol.size())));
    }

    private Stream<ElfSymbol> symbols(SymbolTable table) {
        return LongStream.range(1, table.count()).filter(table::isDefined).mapToObj(entry -> table.symbol(entry, bias));
    }

    @Override
    public Optional<ElfSymbol> symbolAt(long address) {
        if (!contains(address)) {
            return Optional.empty();
        }
        return index().at(address - bias);
    }

    private synchronized SymbolIndex index() {
        if (index == null) {
            index = new SymbolIndex(allTables(), bias, start - bias, end - bias, this::sectionEnd);
        }
        return index;
    }

    /** The end of the section that an address of the file lies in or, without a file, of the segment; else 0. */
    private long sectionEnd(long address) {
        Optional<ElfFile> file = disk().file().filter(ElfFile::hasSections);
        if (file.isPresent()) {
            return file.get().sectionEnd(address);
        }
        return segments.stream()
                .filter(segment -> segment.type() == ProgramHeader.LOAD
                        && Long.compareUnsigned(address - segment.address(), segment.memorySize()) < 0)
                .mapToLong(segment -> segment.address() + segment.memorySize())
                .findFirst()
                .orElse(0);
    }

    @Override
    public OptionalLong symbol(String name) {
        return address(find(name, false));
    }

    @Override
    public OptionalLong exported(String name) {
        return address(dynamic().find(name.getBytes(StandardCharsets.UTF_8), false));
    }

    private OptionalLong address(SymbolTable.Symbol symbol) {
        return symbol == null
                ? OptionalLong.empty()
                : OptionalLong.of(symbol.absolute() ? symbol.value() : bias + symbol.value());
    }

    @Override
    public OptionalLong tlsSymbol(String name) {
        SymbolTable.Symbol symbol = find(name, true);
        return symbol == null ? OptionalLong.empty() : OptionalLong.of(symbol.value());
    }

    /** Its {@code PT_TLS} segment, if it has one. */
    Optional<ProgramHeader> tlsSegment() {
        return first(ProgramHeader.TLS);
    }

    @Override
    public long tlsSize() {
        return tlsSegment().map(ProgramHeader::memorySize).orElse(0L);
    }

    @Override
    public Optional<Range> tlsBlock(long threadPointer) {
        return tlsSegment()
                .flatMap(segment -> tlsBlocks().flatMap(blocks -> blocks.find(this, segment, threadPointer)));
    }

    /** The address of a word that the dynamic linker set to the module's number for thread-local storage. */
    OptionalLong tlsModuleWord() {
        int type = Processor.of(machine).threadModuleRelocation();
        LongPredicate writable = writable();
        LongStream.Builder words = LongStream.builder();
        dynamic().relocations(relocation -> {
            if (relocation.type() == type
                    && writable.test(relocation.address())
                    && (relocation.symbol() == 0 || dynamic().threadLocal(relocation.symbol()) != null)) {
                words.add(relocation.address());
            }
        });
        return words.build().findFirst();
    }

    private LongPredicate writable() {
        List<Range> ranges = writableSegments();
        int word = machine.wordSize();
        return address -> {
            for (Range range : ranges) {
                if (Long.compareUnsigned(address, range.start()) >= 0
                        && Long.compareUnsigned(address, range.end() - word) <= 0) {
                    return true;
                }
            }
            return false;
        };
    }

    @Override
    public long[] relativeRelocations() {
        LongPredicate writable = writable();
        int relative = Processor.of(machine).relativeRelocation();
        LongStream.Builder words = LongStream.builder();
        dynamic().relocations(relocation -> {
            if (relocation.type() == relative && writable.test(relocation.address())) {
                words.add(relocation.address());
            }
        });
        dynamic().packedRelocations(address -> {
            if (writable.test(address)) {
                words.add(address);
            }
        });
        long[] sorted = words.build()
                .map(address -> address + Long.MIN_VALUE)
                .sorted()
                .distinct()
                .toArray();
        Arrays.setAll(sorted, i -> sorted[i] - Long.MIN_VALUE);
        return sorted;
    }

    /**
     * A GOT word that holds a thread-local variable's offset from the thread pointer.
     *
     * @param gotAddress target address of the word
     * @param tlsOffset the variable's offset in the module's TLS block
     */
    record TlsSlot(long gotAddress, long tlsOffset) {}

    @Override
    public long[] tlsOffsetWords() {
        return tlsSlots().stream().mapToLong(TlsSlot::gotAddress).toArray();
    }

    @Override
    public OptionalLong tlsOffset() {
        List<TlsSlot> slots = tlsSlots();
        try {
            return slots.isEmpty()
                    ? OptionalLong.empty()
                    : OptionalLong.of(memory.readLong(slots.getFirst().gotAddress())
                            - slots.getFirst().tlsOffset());
        } catch (UnmappedAddressException e) {
            return OptionalLong.empty();
        }
    }

    /** The words of {@link #tlsOffsetWords()}. */
    List<TlsSlot> tlsSlots() {
        LongPredicate writable = writable();
        int threadOffset = Processor.of(machine).threadOffsetRelocation();
        List<TlsSlot> slots = new ArrayList<>();
        dynamic().relocations(relocation -> {
            long address = relocation.address();
            if (relocation.type() != threadOffset || !writable.test(address)) {
                return;
            }
            if (relocation.symbol() == 0) {
                slots.add(new TlsSlot(address, relocation.addend()));
                return;
            }
            SymbolTable.Symbol symbol = dynamic().threadLocal(relocation.symbol());
            if (symbol != null) {
                slots.add(new TlsSlot(address, symbol.value() + relocation.addend()));
            }
        });
        return List.copyOf(slots);
    }

    @Override
    public String toString() {
        return "%s at 0x%x".formatted(path, start);
    }
}
