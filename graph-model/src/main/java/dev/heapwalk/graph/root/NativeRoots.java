// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph.root;

import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.Label;
import dev.heapwalk.heap.RootCategory;
import dev.heapwalk.heap.RootSink;
import dev.heapwalk.heap.RootSource;
import dev.heapwalk.memory.EndedThreads;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.PointerScan;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Ranges;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.elf.ElfSymbol;
import dev.heapwalk.memory.unwind.FrameCursor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What keeps blocks alive outside of all heaps, in a process that stands still or a core: every aligned word that points
 * into a heap, in
 *
 * <ul>
 *   <li>the registers of each thread
 *   <li>its stack from the stack pointer on, with the red zone below it, told by frames where these are known; also where
 *       a signal handler runs on another one. Of a thread that runs on a stack that the program has made, all of its own
 *   <li>its thread-local variables, static and allocated ones, and the values of its keys
 *   <li>what else the C library has for it
 *   <li>the variables of each module, told by symbols
 *   <li>the memory of the dynamic linker
 *   <li>any other memory that can be written, told by mapping: stacks of coroutines, memory of allocators that are not
 *       known, files and shared memory
 * </ul>
 *
 * Each of these is a category of its own. No roots are the books of heaps, the parts of stacks that are not in use, and
 * the stacks of threads that have ended, but for the vectors of thread-local storage that glibc keeps with these.
 *
 * <p>Not seen are words that are not aligned, pointers that a program has changed, vector registers, and what the kernel
 * alone keeps.
 */
public final class NativeRoots implements RootSource {
    private static final long BUDGET = 1 << 20;
    /** So many entries of the list of modules are followed. */
    private static final int MOST_MODULES = 1 << 16;

    private final Target target;
    private final Ranges blocks;
    private final Map<RootCategory, RootPart> parts = new LinkedHashMap<>();
    private final List<String> missing = new ArrayList<>();

    private NativeRoots(Target target, Ranges blocks) {
        this.target = target;
        this.blocks = blocks;
    }

    /**
     * Finds out what there is to go through. Walks all blocks once.
     *
     * @param heaps the heaps of a target that stands still
     * @return the roots of that moment, good as long as the target is open
     */
    public static NativeRoots of(Heaps heaps) {
        Target target = heaps.target();
        HeapMemory heap = HeapMemory.of(heaps);
        NativeRoots roots = new NativeRoots(target, heap.targets());
        try (Reader memory = target.memory().reader(BUDGET);
                FrameCursor frames = FrameCursor.of(target)) {
            roots.find(heaps, heap, memory, frames);
        }
        return roots;
    }

    private void find(Heaps heaps, HeapMemory heap, Reader memory, FrameCursor frames) {
        Claims claims = new Claims();
        heap.pages(target.pageSize()).forEach(claims::take);
        for (Heap each : heaps.list()) {
            each.bookkeeping().forEach(claims::take);
        }
        List<Range> vectors = new ArrayList<>();
        for (EndedThreads.EndedThread ended : EndedThreads.of(target, unclaimed(heap))) {
            claims.take(ended.stack());
            vectors.add(new Range(ended.vector(), ended.vector() + Long.BYTES));
        }
        add(
                "kept for threads to come",
                vectors,
                (address, text) -> text.append("0x").append(Long.toHexString(address)));
        new ThreadParts(target, memory, claims, this::add, missing).addAll(frames);
        for (ElfModule module : target.modules()) {
            List<Range> free = new ArrayList<>();
            module.writableSegments().forEach(segment -> free.addAll(claims.take(segment)));
            add("variables of " + module.path(), free, (address, text) -> variable(module, address, text));
        }
        List<Range> free = new ArrayList<>();
        linkerMemory(memory).forEach(range -> free.addAll(claims.take(range)));
        add("dynamic linker", free, (address, text) -> text.append("0x").append(Long.toHexString(address)));
        for (Mapping mapping : target.memory().mappings()) {
            if (mayHold(mapping)) {
                String path = mapping.path().isEmpty() ? "" : " " + mapping.path();
                add(
                        "mapping 0x%x-0x%x%s".formatted(mapping.start(), mapping.end(), path),
                        claims.take(mapping.start(), mapping.end()),
                        (address, text) -> WordName.offset(address, mapping.start(), text));
            }
        }
    }

    private void add(String label, List<Range> memory, WordName name) {
        if (!memory.isEmpty()) {
            add(RootPart.of(label, memory, name));
        }
    }

    private void add(RootPart part) {
        RootCategory category = part.category();
        for (int i = 2; parts.containsKey(category); i++) {
            category = new RootCategory(part.category().label() + " (" + i + ")", false);
        }
        parts.put(category, new RootPart(category, part.memory(), part.words(), part.name()));
    }

    /** Memory without a file that no heap has. */
    private Ranges unclaimed(HeapMemory heap) {
        Claims claims = new Claims();
        heap.pages(target.pageSize()).forEach(claims::take);
        List<Range> free = new ArrayList<>();
        for (Mapping mapping : target.memory().mappings()) {
            if (mayHold(mapping) && !mapping.shared() && mapping.anonymous()) {
                free.addAll(claims.take(mapping.start(), mapping.end()));
            }
        }
        return Ranges.exactly(
                free.stream().mapToLong(Range::start).toArray(),
                free.stream().mapToLong(Range::end).toArray());
    }

    /** Not what the kernel has in upper addresses, and not the memory of devices, which may act on being read. */
    private static boolean mayHold(Mapping mapping) {
        String path = mapping.path();
        boolean device = path.startsWith("/dev/") && !path.startsWith("/dev/shm/") && !path.startsWith("/dev/zero");
        return mapping.start() > 0 && mapping.readable() && mapping.writable() && !device;
    }

    /**
     * The pages that the dynamic linker has its list of modules in, as far as these are nobody else's. It has mapped them
     * for itself, but the kernel may have joined them with others.
     */
    private List<Range> linkerMemory(Reader memory) {
        Map<Mapping, Range> found = new LinkedHashMap<>();
        for (ElfModule module : target.modules()) {
            OptionalLong debug = module.exported("_r_debug");
            if (debug.isPresent()) {
                // struct r_debug: version, list. struct link_map: bias, name, dynamic section, next.
                long entry = memory.readLong(debug.getAsLong() + Long.BYTES, 0);
                for (int i = 0; i < MOST_MODULES && entry != 0; i++) {
                    long start = entry & -target.pageSize();
                    Range page = new Range(start, start + 2L * target.pageSize());
                    target.memory()
                            .mappings()
                            .at(entry)
                            .filter(mapping -> mayHold(mapping) && mapping.anonymous())
                            .ifPresent(mapping -> found.merge(mapping, page, NativeRoots::both));
                    entry = memory.readLong(entry + 3L * Long.BYTES, 0);
                }
            }
        }
        List<Range> ranges = new ArrayList<>();
        found.forEach((mapping, range) -> ranges.add(new Range(range.start(), Math.min(range.end(), mapping.end()))));
        return ranges;
    }

    private static Range both(Range one, Range other) {
        return new Range(Math.min(one.start(), other.start()), Math.max(one.end(), other.end()));
    }

    private static void variable(ElfModule module, long address, StringBuilder text) {
        Optional<ElfSymbol> symbol = module.symbolAt(address);
        if (symbol.isPresent()) {
            text.append(symbol.get().name());
            WordName.offset(address, symbol.get().address(), text);
        } else {
            text.append("0x").append(Long.toHexString(address - module.bias()));
        }
    }

    @Override
    public List<RootCategory> categories() {
        return List.copyOf(parts.keySet());
    }

    @Override
    public void roots(RootCategory category, RootSink sink) {
        RootPart part = parts.get(category);
        if (part == null) {
            throw new IllegalArgumentException(category + " is no category of this source");
        }
        Word word = new Word(part.name());
        long[] words = part.words();
        for (int i = 0; i < words.length; i++) {
            if (blocks.at(words[i]) >= 0) {
                word.at = i;
                sink.root(words[i], part.category(), word);
            }
        }
        if (part.memory().count() == 0) {
            return;
        }
        try (PointerScan pointers = target.memory().pointers(part.memory(), blocks)) {
            while (pointers.next()) {
                word.at = pointers.address();
                sink.root(pointers.value(), part.category(), word);
            }
            if (pointers.leftOutBytes() > 0) {
                String line =
                        "%s: %d bytes can't be read".formatted(part.category().label(), pointers.leftOutBytes());
                if (!missing.contains(line)) {
                    missing.add(line);
                }
            }
        }
    }

    /** Names the word that is given. */
    private static final class Word implements Label {
        private final WordName name;
        private long at;

        private Word(WordName name) {
            this.name = name;
        }

        @Override
        public void appendTo(StringBuilder text) {
            name.append(at, text);
        }
    }

    @Override
    public List<String> missing() {
        return List.copyOf(missing);
    }
}
