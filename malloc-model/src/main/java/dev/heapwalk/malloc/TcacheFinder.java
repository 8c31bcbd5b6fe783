// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.heap.Source;
import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.machine.Processor;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;

/**
 * Finds the cache of every thread: through the thread pointers, where registers are known, and by what the structure
 * looks like in the heap.
 */
final class TcacheFinder {
    /** How far around the thread pointer variables are looked for if no GOT word names their place, in bytes. */
    private static final long TLS_REACH = 8192;

    /** For more chunks in a bin than this, a list grows: what a damaged count says must not be believed. */
    private static final int MOST_EXPECTED = 64;

    private static final FreeLists.Fault SILENT = (address, reason) -> {};

    private final Target target;
    private final Reader reader;
    private final WalkPlan plan;
    private final long slots;
    // Of the structure that is being read: there may be as many candidates as chunks.
    private int[] counts = {};
    private long[] entries = {};

    /**
     * A thread cache that was read.
     *
     * @param bins with what; none where it was only to be told whether it is one
     * @param chunks how many they hold
     * @param confirmed how many of these have a key that no chunk has by chance
     */
    record Cache(List<ThreadCache.Bin> bins, int chunks, int confirmed) {}

    /**
     * Where a thread-local variable lies and what it is in each thread.
     *
     * @param values its value by thread id
     * @param source what tells where it lies
     * @param basis how it was found, in words
     */
    record Variable(Map<Long, Long> values, Source source, String basis) {
        /** What the values rest on. */
        Set<Source> sources() {
            return Set.of(source, Source.REGISTERS);
        }
    }

    TcacheFinder(Target target, Reader reader, WalkPlan plan, long slots) {
        this.target = target;
        this.reader = reader;
        this.plan = plan;
        this.slots = slots;
    }

    /**
     * Reads a structure that must be a thread cache.
     *
     * @param strict whether to return null at the first thing that is wrong, as for a structure that was only guessed
     * @param fault told of what is wrong if not strict
     * @return the cache, or null
     */
    Cache read(long address, MallocLayout layout, boolean strict, FreeLists.Fault fault) {
        MallocLayout.Tcache tcache = layout.tcache();
        long offset = reader.find(address, tcache.size());
        if (offset < 0) {
            return null;
        }
        if (counts.length != tcache.bins()) {
            counts = new int[tcache.bins()];
            entries = new long[tcache.bins()];
        }
        TcachePerthread view = new TcachePerthread(layout).wrap(reader.segment(), offset, address);
        boolean used = false;
        for (int i = 0; i < counts.length; i++) {
            counts[i] = view.count(i);
            entries[i] = view.entry(i);
            used |= entries[i] != 0;
        }
        if (strict && none(layout)) {
            return null;
        }
        // A structure that was never used tells itself from zeroed data only by its slots.
        int full = counts[0];
        boolean pristine = !used;
        for (int count : counts) {
            pristine &= count == full;
        }
        if (!used
                && strict
                && !(pristine && (tcache.countsDown() ? slots < 0 ? full > 0 : slots == full : full == 0))) {
            return null;
        }
        FreeLists lists = new FreeLists(reader, layout, plan);
        List<ThreadCache.Bin> bins = new ArrayList<>();
        long[] key = {0};
        int total = 0;
        for (int i = 0; i < counts.length; i++) {
            int expected = tcache.countsDown() ? (int) (slots >= 0 ? slots : most(counts)) - counts[i] : counts[i];
            if (strict && ((entries[i] != 0) != (expected > 0) || entries[i] != 0 && !plan.chunk(entries[i] - 16))) {
                return null;
            }
            if (entries[i] == 0) {
                if (!strict && expected > 1) {
                    fault.at(address, "tcache bin %d is empty but counts %d chunks".formatted(i, expected));
                }
                continue;
            }
            List<Long> chunks = strict ? List.of() : new ArrayList<>(Math.clamp(expected, 1, MOST_EXPECTED));
            boolean keysAgree = true;
            FreeList list = lists.tcache(entries[i], i, address, strict ? SILENT : fault);
            while (list.next()) {
                if (!strict) {
                    chunks.add(list.chunk());
                }
                keysAgree &= keyAgrees(tcache, address, reader.readLong(list.chunk() + 24, 0), key);
            }
            total += (int) list.count();
            long length = list.sound() ? list.count() : -1;
            if (strict && (length != expected || !keysAgree)) {
                return null;
            }
            // A thread that stands inside malloc may be one off.
            if (length >= 0 && Math.abs(length - expected) > 1) {
                fault.at(address, "tcache bin %d holds %d chunks but counts %d".formatted(i, length, expected));
            }
            if (!chunks.isEmpty()) {
                bins.add(new ThreadCache.Bin(i, MallocLayout.Tcache.minSize(i), List.copyOf(chunks)));
            }
        }
        return new Cache(List.copyOf(bins), total, tcache.key() == MallocLayout.Key.STRUCT ? total : 0);
    }

    private static int most(int[] counts) {
        int most = 0;
        for (int count : counts) {
            most = Math.max(most, count);
        }
        return most;
    }

    private static boolean keyAgrees(MallocLayout.Tcache tcache, long address, long key, long[] seen) {
        return switch (tcache.key()) {
            case NONE -> true;
            case STRUCT -> key == address;
            case RANDOM -> {
                // The address of the structure would be the key of an earlier version.
                boolean agrees = key != 0 && key != address && (seen[0] == 0 || seen[0] == key);
                seen[0] = key;
                yield agrees;
            }
        };
    }

    /** Whether an address is that of a block which malloc gave out for such a structure. */
    boolean block(long address, MallocLayout layout) {
        if (!plan.chunk(address - 16)) {
            return false;
        }
        long word = Structures.sizeWord(reader, address - 16);
        long size = word & ~MallocChunk.SIZE_BITS;
        return size >= layout.tcache().chunkSize()
                && ((word & MallocChunk.IS_MMAPPED) != 0
                        || size <= layout.tcache().largestChunkSize());
    }

    /** Whether an address is that of such a block and the chunk behind it says that it is in use. */
    boolean usedBlock(long address, MallocLayout layout) {
        if (!block(address, layout)) {
            return false;
        }
        long word = Structures.sizeWord(reader, address - 16);
        return (word & MallocChunk.IS_MMAPPED) != 0
                || (Structures.sizeWord(reader, address - 16 + (word & ~MallocChunk.SIZE_BITS))
                                & MallocChunk.PREV_INUSE)
                        != 0;
    }

    /** Whether there is a cache at an address: by the size of its block or, if that is damaged, by its lists. */
    boolean isCache(long address, MallocLayout layout) {
        if (block(address, layout)) {
            return read(address, layout, false, SILENT) != null;
        }
        Cache cache = plan.chunk(address - 16) ? read(address, layout, true, SILENT) : null;
        return cache != null && cache.chunks() > 0;
    }

    private boolean isFaultless(long address, MallocLayout layout) {
        boolean[] faultless = {true};
        return block(address, layout)
                && read(address, layout, false, (at, reason) -> faultless[0] = false) != null
                && faultless[0];
    }

    /**
     * Whether there is no structure at all since no chunk may be cached: 2.43 has none then, 2.42 one without slots.
     */
    private boolean none(MallocLayout layout) {
        return slots == 0 && layout.tcache().countsDown() && !layout.tcacheWithoutSlots();
    }

    /** Whether a value of the variable {@code tcache} says that the thread has none. */
    private boolean none(long value) {
        // Since 2.43 it points to a constant structure then.
        return value == 0
                || target.memory()
                        .mappings()
                        .at(value)
                        .map(mapping -> !mapping.writable())
                        .orElse(false);
    }

    private List<ThreadState> threads() {
        return target.threads().stream()
                .filter(thread ->
                        thread.registers().map(Registers::threadPointer).orElse(0L) != 0)
                .toList();
    }

    private Map<Long, Long> values(List<ThreadState> threads, long offset) {
        Map<Long, Long> values = new LinkedHashMap<>();
        for (ThreadState thread : threads) {
            values.put(
                    thread.tid(),
                    reader.readLong(thread.registers().orElseThrow().threadPointer() + offset, 0));
        }
        return values;
    }

    /**
     * The distances from the thread pointer that GOT words of the C library name, or all near ones if there are none.
     */
    private Set<Long> offsets(LibcModule libc, List<ThreadState> threads, boolean brute) {
        Set<Long> offsets = new TreeSet<>(Comparator.comparingLong(Math::abs));
        for (long word : libc.module().map(ElfModule::tlsOffsetWords).orElse(new long[0])) {
            offsets.add(reader.readLong(word, 0));
        }
        offsets.remove(0L);
        if (brute) {
            boolean below = Processor.of(target.machine()).tlsVariant() == Processor.TlsVariant.BELOW;
            for (long at = 8; at <= TLS_REACH; at += 8) {
                offsets.add(below ? -at : at + 8);
            }
        }
        offsets.removeIf(offset -> (offset & 7) != 0
                || threads.stream()
                        .noneMatch(thread ->
                                reader.find(thread.registers().orElseThrow().threadPointer() + offset, 8) >= 0));
        return offsets;
    }

    /** Distance of a thread-local symbol from the thread pointer. */
    private OptionalLong symbol(LibcModule libc, String name) {
        OptionalLong value = libc.tlsSymbol(name);
        OptionalLong base = libc.module().map(ElfModule::tlsOffset).orElse(OptionalLong.empty());
        return value.isEmpty() || base.isEmpty()
                ? OptionalLong.empty()
                : OptionalLong.of(base.getAsLong() + value.getAsLong());
    }

    /** The variable {@code tcache} of every thread, or null if it can't be told. */
    Variable tcacheVariable(LibcModule libc, MallocLayout layout, Set<Long> byStructure, boolean symbols) {
        List<ThreadState> threads = threads();
        if (threads.isEmpty() || none(layout)) {
            return null;
        }
        OptionalLong named = symbols ? symbol(libc, "tcache") : OptionalLong.empty();
        if (named.isPresent()) {
            return new Variable(values(threads, named.getAsLong()), Source.SYMBOL, "symbol tcache");
        }
        Variable best = vote(libc, threads, false, layout, byStructure);
        return best != null ? best : vote(libc, threads, true, layout, byStructure);
    }

    private Variable vote(
            LibcModule libc, List<ThreadState> threads, boolean brute, MallocLayout layout, Set<Long> byStructure) {
        Variable best = null;
        int bestVotes = 0;
        for (long offset : offsets(libc, threads, brute)) {
            Map<Long, Long> values = values(threads, offset);
            int votes = 0;
            Set<Long> distinct = new TreeSet<>();
            for (long value : values.values()) {
                if (none(value)) {
                    continue;
                }
                // Two threads never share one.
                // What any near word may be must look perfect; the few words that libc refers to need not.
                if (!distinct.add(value) || !(brute ? isFaultless(value, layout) : isCache(value, layout))) {
                    votes = -1;
                    break;
                }
                votes += byStructure.contains(value) ? 3 : 1;
            }
            if (votes > bestVotes) {
                bestVotes = votes;
                best = new Variable(
                        values,
                        brute ? Source.STRUCTURE : Source.RELOCATION,
                        brute
                                ? "the word near the thread pointer that is one in every thread"
                                : "the GOT offset whose word is one in every thread");
            }
        }
        return best;
    }

    /** The variable {@code thread_arena} of every thread, or null if it can't be told. */
    Variable arenaVariable(LibcModule libc, Set<Long> ring, boolean symbols) {
        List<ThreadState> threads = threads();
        if (threads.isEmpty()) {
            return null;
        }
        OptionalLong named = symbols ? symbol(libc, "thread_arena") : OptionalLong.empty();
        if (named.isPresent()) {
            return new Variable(values(threads, named.getAsLong()), Source.SYMBOL, "symbol thread_arena");
        }
        Variable best = null;
        long bestVotes = 0;
        for (boolean brute : new boolean[] {false, true}) {
            for (long offset : offsets(libc, threads, brute)) {
                Map<Long, Long> values = values(threads, offset);
                boolean possible = values.values().stream().allMatch(value -> value == 0 || ring.contains(value));
                long votes =
                        values.values().stream().filter(value -> value != 0).count();
                if (possible && votes > bestVotes) {
                    bestVotes = votes;
                    best = new Variable(values, Source.STRUCTURE, "the word of each thread that is an arena");
                }
            }
            if (best != null) {
                return best;
            }
        }
        return null;
    }

    /**
     * The blocks in the caches that the thread-local variables of a C library point to, before it is known which memory
     * is that library's.
     *
     * @return target addresses; none where registers are not known
     */
    static NavigableSet<Long> cachedBlocks(Target target, Reader reader, LibcModule libc, MallocLayout layout) {
        NavigableSet<Long> blocks = new TreeSet<>();
        MallocLayout.Tcache tcache = layout.tcache();
        TcacheFinder finder = new TcacheFinder(target, reader, new WalkPlan(List.of()), -1);
        List<ThreadState> threads = finder.threads();
        for (long offset : finder.offsets(libc, threads, false)) {
            for (long value : finder.values(threads, offset).values()) {
                long size = Structures.sizeWord(reader, value - MallocChunk.HEADER) & ~MallocChunk.SIZE_BITS;
                if (value == 0 || (value & 15) != 0 || size < tcache.chunkSize() || size > tcache.largestChunkSize()) {
                    continue;
                }
                for (int bin = 0; bin < tcache.bins(); bin++) {
                    long block = reader.readLong(value + tcache.entries() + 8L * bin, 0);
                    for (int i = 0; i < MOST_EXPECTED && block != 0 && (block & 15) == 0 && blocks.add(block); i++) {
                        block = layout.reveal(block, reader.readLong(block, 0));
                    }
                }
            }
        }
        return blocks;
    }

    /**
     * Chunks in mappings of their own that are as small as one for a thread cache is where the threshold is that low.
     */
    static List<Long> mmappedBlocks(Collection<MallocLayout> layouts, WalkPlan plan, long page) {
        long largest = layouts.stream()
                .mapToLong(layout -> layout.tcache().largestChunkSize())
                .max()
                .orElse(0);
        long mapping = largest + MallocChunk.HEADER + page - 1 & -page;
        List<Long> blocks = new ArrayList<>();
        for (int run = 0; run < plan.starts.length; run++) {
            if (plan.arenas[run] < 0 && plan.ends[run] - plan.starts[run] <= mapping) {
                blocks.add(plan.starts[run] + MallocChunk.HEADER);
            }
        }
        return blocks;
    }

    /** Used chunks of every size that a thread cache may have by some layouts, in all arenas. */
    static List<Long> blocks(Tools tools, Collection<MallocLayout> layouts, WalkPlan arenas) {
        List<MallocLayout.Tcache> tcaches = layouts.stream()
                .map(MallocLayout::tcache)
                .filter(tcache -> tcache.bins() > 0)
                .distinct()
                .toList();
        long smallest =
                tcaches.stream().mapToLong(MallocLayout.Tcache::chunkSize).min().orElse(Long.MAX_VALUE);
        long largest = tcaches.stream()
                .mapToLong(MallocLayout.Tcache::largestChunkSize)
                .max()
                .orElse(0);
        List<Long> blocks = new ArrayList<>();
        ChunkCursor cursor = tools.walk(arenas, layouts.iterator().next());
        while (cursor.next()) {
            if (cursor.size() >= smallest && cursor.size() <= largest && cursor.state() == ChunkState.USED) {
                blocks.add(cursor.userAddress());
            }
        }
        return blocks;
    }
}
