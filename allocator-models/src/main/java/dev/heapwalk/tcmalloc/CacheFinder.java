// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.AnonymousMemory;
import dev.heapwalk.heap.DamageList;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.tcmalloc.layout.TcmallocLayout;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;

/**
 * Finds the caches of threads and the central cache by what they look like. A thread's cache has a list for each size
 * class, and each of them has the size of its blocks; the caches are a list, some of which variables point to, and each
 * thread has a variable with its own.
 */
final class CacheFinder {
    /** So many fields of a structure may be wrong, since there may be damage. */
    private static final int MOST_BAD = 4;

    private final Reader reader;
    private final AnonymousMemory anonymous;
    private final SizeClasses classes;
    private final FreeList list = new FreeList();

    CacheFinder(Reader reader, AnonymousMemory anonymous, SizeClasses classes) {
        this.reader = reader;
        this.anonymous = anonymous;
        this.classes = classes;
    }

    /**
     * Finds the central cache: structures side by side that have the numbers of the size classes.
     *
     * @return target address of the first one
     */
    OptionalLong central(Variables variables) {
        return Arrays.stream(variables.ones())
                .filter(this::isCentral)
                .map(at -> at - TcmallocLayout.CENTRAL_SIZE_CLASS - CentralFreeList.SIZE)
                .findFirst();
    }

    private boolean isCentral(long one) {
        int bad = 0;
        for (int i = 2; i < classes.count() && bad <= MOST_BAD; i++) {
            bad += reader.readLong(one + (long) CentralFreeList.SIZE * (i - 1), -1) == i ? 0 : 1;
        }
        return bad <= MOST_BAD;
    }

    /** What was found. */
    record Caches(TcmallocLayout layout, Map<Long, OptionalLong> ofThreads) {}

    /** A thread's variables. */
    record ThreadVariables(long tid, Range range) {}

    /**
     * Finds the caches of threads.
     *
     * @param variables what may point to them
     * @param threads the variables of threads, each of which may have its own
     */
    Caches find(Variables variables, Iterable<ThreadVariables> threads) {
        Map<Long, OptionalLong> seeds = new LinkedHashMap<>();
        for (ThreadVariables thread : threads) {
            for (long at = thread.range.start() + 7 & -8L; at + Long.BYTES <= thread.range.end(); at += Long.BYTES) {
                long word = reader.readLong(at, 0);
                if (isCache(word)) {
                    seeds.put(word, OptionalLong.of(thread.tid));
                }
            }
        }
        for (int i = 0; i < variables.pointers(); i++) {
            if (isCache(variables.value(i))) {
                seeds.putIfAbsent(variables.value(i), OptionalLong.empty());
            }
        }
        return TcmallocLayout.ALL.stream()
                .map(layout -> closure(layout, seeds))
                .max(Comparator.comparingInt(this::links))
                .orElseThrow();
    }

    private boolean isCache(long address) {
        if (address <= 0
                || (address & 7) != 0
                || !anonymous.holds(address, TcmallocLayout.ALL.getFirst().cacheSize())) {
            return false;
        }
        int bad = 0;
        for (int i = 1; i < classes.count() && bad <= MOST_BAD; i++) {
            long at = address + (long) FreeList.SIZE * i;
            long offset = reader.find(at, FreeList.SIZE);
            boolean good =
                    offset >= 0 && list.wrap(reader.segment(), offset, at).objectSize() == classes.size(i);
            bad += good ? 0 : 1;
        }
        return bad <= MOST_BAD;
    }

    /** All caches that some lead to, without those that are no more in the list: they were given back. */
    private Caches closure(TcmallocLayout layout, Map<Long, OptionalLong> seeds) {
        Map<Long, OptionalLong> all = new LinkedHashMap<>(seeds);
        Deque<Long> open = new ArrayDeque<>(seeds.keySet());
        while (!open.isEmpty()) {
            long cache = open.remove();
            for (long other : new long[] {next(layout, cache), previous(layout, cache)}) {
                if (!all.containsKey(other) && isCache(other)) {
                    all.put(other, OptionalLong.empty());
                    open.add(other);
                }
            }
        }
        if (all.size() > 1) {
            all.entrySet().removeIf(cache -> cache.getValue().isEmpty() && links(layout, cache.getKey()) == 0);
        }
        return new Caches(layout, all);
    }

    private int links(Caches caches) {
        return caches.ofThreads.keySet().stream()
                .mapToInt(cache -> {
                    boolean ends = next(caches.layout, cache) == 0 || previous(caches.layout, cache) == 0;
                    return 2 * links(caches.layout, cache) + (ends ? 1 : 0);
                })
                .sum();
    }

    /** How many of its neighbours have it for theirs. */
    private int links(TcmallocLayout layout, long cache) {
        long next = next(layout, cache);
        long previous = previous(layout, cache);
        return (next != 0 && isCache(next) && previous(layout, next) == cache ? 1 : 0)
                + (previous != 0 && isCache(previous) && next(layout, previous) == cache ? 1 : 0);
    }

    /** Tells where a cache is in the list of all, but not its neighbours as it says. */
    void contradictions(Caches caches, DamageList damages) {
        for (long cache : caches.ofThreads.keySet()) {
            for (boolean forward : new boolean[] {true, false}) {
                long other = forward ? next(caches.layout, cache) : previous(caches.layout, cache);
                if (other != 0
                        && (!isCache(other)
                                || (forward ? previous(caches.layout, other) : next(caches.layout, other)) != cache)) {
                    damages.add(
                            cache,
                            -1,
                            "a thread's cache has 0x%x for the one %s it, which does not know of that"
                                    .formatted(other, forward ? "behind" : "before"));
                }
            }
        }
    }

    private long next(TcmallocLayout layout, long cache) {
        return reader.readLong(cache + layout.cacheNext(), 0);
    }

    private long previous(TcmallocLayout layout, long cache) {
        return reader.readLong(cache + layout.cachePrev(), 0);
    }
}
