// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.allocator.AnonymousMemory;
import dev.heapwalk.allocator.Attempts;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.mimalloc.layout.SegmentLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** All copies of mimalloc in a target. */
final class Copies {
    /** What each mimalloc offers to programs. */
    private static final String EXPORT = "mi_malloc";

    private static final long BUDGET = 8L << 20;
    private static final int LINE = 1 << 14;

    private Copies() {}

    /**
     * What tells of one copy.
     *
     * @param module what has its variables
     * @param variable target address of the one that proves it
     * @param segments where its segments have their fields, in versions that have some
     * @param key what the cookies of its segments are coded with
     * @param map its page map, in versions that have one
     */
    record Trace(ElfModule module, long variable, Optional<SegmentLayout> segments, long key, Optional<PageMap> map) {}

    /** Which segments a key tells of. */
    private record Cookie(SegmentLayout layout, long key) {}

    static boolean isLikely(Target target) {
        return target.modules().stream().anyMatch(Copies::exports)
                || !traces(target).isEmpty();
    }

    private static boolean exports(ElfModule module) {
        return module.exported(EXPORT).isPresent();
    }

    static List<MimallocHeap> locate(Target target) {
        target.memory().refresh();
        List<Trace> traces = traces(target);
        Set<Long> keys = traces.stream().map(Trace::key).collect(Collectors.toSet());
        List<MimallocHeap> heaps = new ArrayList<>();
        int regions = 0;
        for (Trace trace : traces) {
            Discovery discovery = new Discovery(target, trace, keys);
            String name = "mimalloc " + discovery.major() + (traces.size() == 1 ? "" : " in " + discovery.file());
            int first = regions;
            Optional<MimallocHeap> found = Attempts.at(target, () -> discovery.look(name, first));
            if (found.isPresent()) {
                regions += found.get().regionCount();
                heaps.add(found.get());
            }
        }
        if (heaps.isEmpty()) {
            String modules = target.modules().stream()
                    .filter(Copies::exports)
                    .map(Discovery::file)
                    .collect(Collectors.joining(" and "));
            throw new UnsupportedTargetException(
                    modules.isEmpty()
                            ? "no mimalloc in " + target.description()
                            : ("no mimalloc that is known in %s: %s has neither segments as 2.0.6 to 2.4 have"
                                            + " nor a map of pages as 3.0 to 3.6 have")
                                    .formatted(target.description(), modules));
        }
        return List.copyOf(heaps);
    }

    /** In the order of their modules. */
    private static List<Trace> traces(Target target) {
        AnonymousMemory anonymous = new AnonymousMemory(target.memory().mappings());
        try (Reader reader = target.memory().reader(BUDGET, LINE)) {
            Map<Long, List<Cookie>> cookies = new HashMap<>();
            for (SegmentSearch.Group group : SegmentSearch.find(reader, anonymous)) {
                cookies.computeIfAbsent(group.key(), _ -> new ArrayList<>())
                        .add(new Cookie(group.layout(), group.key()));
            }
            Map<Object, Trace> found = new LinkedHashMap<>();
            Set<Long> tried = new HashSet<>();
            Variables.each(target.memory(), target.modules(), (module, address, word) -> {
                for (Cookie cookie : cookies.getOrDefault(word, List.of())) {
                    found.putIfAbsent(
                            cookie, new Trace(module, address, Optional.of(cookie.layout()), word, Optional.empty()));
                }
                if (PageMap.mayBe(word) && tried.add(word)) {
                    PageMap.at(reader, anonymous, word)
                            .ifPresent(map -> found.putIfAbsent(
                                    map, new Trace(module, address, Optional.empty(), 0, Optional.of(map))));
                }
            });
            return List.copyOf(found.values());
        }
    }
}
