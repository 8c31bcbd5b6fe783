// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.managed;

import dev.heapwalk.heap.residency.Claim;
import dev.heapwalk.heap.residency.ClaimProvider;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.elf.ElfModule;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Memory of a HotSpot JVM: the heap of Java's objects and the code cache, where its own table of fields leads to, and
 * metaspace, which the descriptions of classes lie in.
 */
public final class JavaMemory implements ClaimProvider {
    private static final String HEAP = "Universe::_collectedHeap";
    private static final String RESERVED = "CollectedHeap::_reserved";
    private static final String REGION_START = "MemRegion::_start";
    private static final String REGION_WORDS = "MemRegion::_word_size";
    private static final String CODE_HEAPS = "CodeCache::_heaps";
    private static final String CODE_HEAP = "CodeCache::_heap";
    private static final String LENGTH = "GrowableArrayBase::_len";
    private static final String OLD_LENGTH = "GenericGrowableArray::_len";
    private static final String DATA = "GrowableArray<int>::_data";
    private static final String CODE = "CodeHeap::_memory";
    private static final String SEGMENTS = "CodeHeap::_segmap";
    private static final String LOW = "VirtualSpace::_low_boundary";
    private static final String HIGH = "VirtualSpace::_high_boundary";
    private static final String LOADERS = "ClassLoaderDataGraph::_head";
    private static final String NEXT_LOADER = "ClassLoaderData::_next";
    private static final String CLASSES = "ClassLoaderData::_klasses";
    private static final String NEXT_CLASS = "Klass::_next_link";
    private static final String CONSTANTS = "InstanceKlass::_constants";
    private static final Set<String> FIELDS = Set.of(
            HEAP,
            RESERVED,
            REGION_START,
            REGION_WORDS,
            CODE_HEAPS,
            CODE_HEAP,
            LENGTH,
            OLD_LENGTH,
            DATA,
            CODE,
            SEGMENTS,
            LOW,
            HIGH,
            LOADERS,
            NEXT_LOADER,
            CLASSES,
            NEXT_CLASS,
            CONSTANTS);

    private static final int MOST_CODE_HEAPS = 16;
    private static final int MOST_LOADERS = 100_000;
    private static final int MOST_CLASSES = 1_000_000;
    /** What metaspace is reserved by, since JDK 16. */
    private static final long NODE = 64L << 20;

    /** Makes one for the service loader. */
    public JavaMemory() {}

    @Override
    public List<Claim> claims(Target target) {
        Optional<ElfModule> library = Runtimes.module(target, "libjvm\\.so");
        if (library.isEmpty()) {
            return List.of();
        }
        try (Reader reader = target.memory().reader(1 << 20)) {
            VmStructs fields = new VmStructs(library.get(), reader, FIELDS);
            List<Claim> claims = new ArrayList<>(heap(target, reader, fields));
            claims.addAll(code(reader, fields));
            claims.addAll(metaspace(target, reader, fields));
            return claims;
        }
    }

    private static List<Claim> heap(Target target, Reader reader, VmStructs fields) {
        List<Claim> claims = new ArrayList<>();
        if (fields.has(HEAP, RESERVED, REGION_START, REGION_WORDS)) {
            long region = reader.readLong(fields.of(HEAP), 0) + fields.of(RESERVED);
            long start = reader.readLong(region + fields.of(REGION_START), 0);
            long words = reader.readLong(region + fields.of(REGION_WORDS), 0);
            if (start > 0 && words > 0 && words < 1L << 45) {
                claims.add(Runtimes.claim(start, start + words * Long.BYTES, "JVM heap"));
            }
        }
        // That of ZGC has a name in place of a single range.
        for (Mapping mapping : target.memory().mappings()) {
            if (mapping.path().startsWith("/memfd:java_heap")) {
                claims.add(Runtimes.claim(mapping.start(), mapping.end(), "JVM heap"));
            }
        }
        return claims;
    }

    private static List<Claim> code(Reader reader, VmStructs fields) {
        if (!fields.has(CODE, SEGMENTS, LOW, HIGH)) {
            return List.of();
        }
        List<Long> heaps = new ArrayList<>();
        String length = fields.has(LENGTH) ? LENGTH : OLD_LENGTH;
        if (fields.has(CODE_HEAPS, length, DATA)) {
            long array = reader.readLong(fields.of(CODE_HEAPS), 0);
            int count = Math.min(MOST_CODE_HEAPS, reader.readInt(array + fields.of(length), 0));
            long data = reader.readLong(array + fields.of(DATA), 0);
            for (int i = 0; i < count; i++) {
                heaps.add(reader.readLong(data + (long) i * Long.BYTES, 0));
            }
        } else if (fields.has(CODE_HEAP)) {
            heaps.add(reader.readLong(fields.of(CODE_HEAP), 0));
        }
        List<Range> ranges = new ArrayList<>();
        for (long heap : heaps) {
            for (String space : List.of(CODE, SEGMENTS)) {
                long low = reader.readLong(heap + fields.of(space) + fields.of(LOW), 0);
                long high = reader.readLong(heap + fields.of(space) + fields.of(HIGH), 0);
                if (low > 0 && high > low) {
                    ranges.add(new Range(low, high));
                }
            }
        }
        return Runtimes.merged(ranges, "JVM code cache");
    }

    /** What classes lie in, and what they refer to, with what is reserved behind that. */
    private static List<Claim> metaspace(Target target, Reader reader, VmStructs fields) {
        if (!fields.has(LOADERS, NEXT_LOADER, CLASSES, NEXT_CLASS, CONSTANTS)) {
            return List.of();
        }
        TreeSet<Long> classes = new TreeSet<>();
        TreeSet<Long> constants = new TreeSet<>();
        Mappings mappings = target.memory().mappings();
        int loaders = 0;
        int seen = 0;
        for (long loader = reader.readLong(fields.of(LOADERS), 0);
                loader != 0 && loaders < MOST_LOADERS;
                loader = reader.readLong(loader + fields.of(NEXT_LOADER), 0)) {
            loaders++;
            for (long one = reader.readLong(loader + fields.of(CLASSES), 0);
                    one != 0 && seen < MOST_CLASSES;
                    one = reader.readLong(one + fields.of(NEXT_CLASS), 0)) {
                seen++;
                start(mappings, one, classes);
                // An array's class has something else there, which mostly is no address.
                start(mappings, reader.readLong(one + fields.of(CONSTANTS), 0), constants);
            }
        }
        List<Range> classSpace = new ArrayList<>();
        classes.forEach(start -> classSpace.add(behind(mappings, start, Long.MAX_VALUE)));
        constants.removeIf(start -> classSpace.stream().anyMatch(range -> range.contains(start)));
        List<Range> others = new ArrayList<>();
        for (long start : constants) {
            if (others.stream().noneMatch(range -> range.contains(start))) {
                others.add(node(mappings, start));
            }
        }
        List<Claim> claims = new ArrayList<>(Runtimes.merged(classSpace, "JVM metaspace, classes"));
        claims.addAll(Runtimes.merged(others, "JVM metaspace"));
        return claims;
    }

    /** Notes where the mapping begins that an address lies in, if it may be one of metaspace. */
    private static void start(Mappings mappings, long address, TreeSet<Long> starts) {
        if (address > 0) {
            mappings.at(address).filter(JavaMemory::mayBeMetaspace).ifPresent(mapping -> starts.add(mapping.start()));
        }
    }

    private static boolean mayBeMetaspace(Mapping mapping) {
        return Runtimes.isAnonymous(mapping) && mapping.writable() && !mapping.executable();
    }

    /** All that was reserved at once, where a whole node begins there; else that mapping and what is kept behind it. */
    private static Range node(Mappings mappings, long start) {
        long at = start;
        while (at < start + NODE) {
            Optional<Mapping> next = mappings.at(at).filter(Runtimes::isAnonymous);
            if (next.isEmpty()) {
                return behind(mappings, start, start + NODE);
            }
            at = next.get().end();
        }
        return at == start + NODE ? new Range(start, at) : behind(mappings, start, start + NODE);
    }

    /** A mapping, and the memory behind it that must not be touched yet. */
    private static Range behind(Mappings mappings, long start, long limit) {
        long end = mappings.at(start).orElseThrow().end();
        Optional<Mapping> kept = mappings.at(end)
                .filter(mapping -> Runtimes.isAnonymous(mapping) && !mapping.readable() && !mapping.writable());
        return new Range(start, Math.min(limit, kept.map(Mapping::end).orElse(end)));
    }
}
