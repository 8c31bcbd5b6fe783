// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** What allocators that can't be read tell of themselves, for who is told that they can't be read. */
final class OwnStatistics {
    private static final Map<String, String> BY_ALLOCATOR = new LinkedHashMap<>();

    static {
        BY_ALLOCATOR.put("jemalloc", "malloc_stats_print and mallctl; of Redis, INFO memory");
        BY_ALLOCATOR.put("mozjemalloc", "about:memory");
        BY_ALLOCATOR.put("PartitionAlloc", "memory-infra in chrome://tracing");
        BY_ALLOCATOR.put("Google's tcmalloc", "MallocExtension::GetStats");
        BY_ALLOCATOR.put("tcmalloc", "MallocExtension_GetStats, and MALLOCSTATS=1 as it ends");
        BY_ALLOCATOR.put("mimalloc", "mi_stats_print, and MIMALLOC_SHOW_STATS=1 as it ends");
        BY_ALLOCATOR.put("Go's own allocator", "runtime.ReadMemStats, and GODEBUG=gctrace=1");
        BY_ALLOCATOR.put("a Go program", "runtime.ReadMemStats, and GODEBUG=gctrace=1");
    }

    private OwnStatistics() {}

    /**
     * The end of a message about allocators.
     *
     * @param found what was found, such as {@code mozjemalloc in firefox-esr}
     * @return what they tell of themselves, empty if nothing is known of any
     */
    static String of(Collection<String> found) {
        List<String> told = BY_ALLOCATOR.entrySet().stream()
                .filter(entry -> found.stream().anyMatch(one -> one.startsWith(entry.getKey() + " ")))
                .map(Map.Entry::getValue)
                .distinct()
                .toList();
        return told.isEmpty()
                ? ""
                : told.stream().collect(Collectors.joining("; ", " (what it counts of itself it tells by ", ")"));
    }
}
