// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.allocator.Attempts;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** All copies of jemalloc in a target. */
final class Copies {
    private Copies() {}

    static List<JemallocHeap> locate(Target target) {
        List<JemallocModule> modules = JemallocModule.of(target);
        List<JemallocHeap> heaps = new ArrayList<>();
        int regions = 0;
        for (JemallocModule module : modules) {
            Discovery discovery = new Discovery(target, module);
            String name = "jemalloc" + discovery.version() + (modules.size() == 1 ? "" : " in " + module.file());
            int first = regions;
            Optional<JemallocHeap> found = Attempts.at(target, () -> discovery.look(name, first));
            if (found.isPresent()) {
                regions += found.get().arenaCount();
                heaps.add(found.get());
            }
        }
        if (heaps.isEmpty()) {
            throw new UnsupportedTargetException(
                    modules.isEmpty()
                            ? "no jemalloc in " + target.description()
                            : "no jemalloc that is known in %s: variables of %s lead to no tree of pages as 5.1 to 5.3 have. What it counts of itself it tells by malloc_stats_print and mallctl, of Redis by INFO memory"
                                    .formatted(
                                            target.description(),
                                            modules.stream()
                                                    .map(JemallocModule::file)
                                                    .collect(Collectors.joining(" and "))));
        }
        return List.copyOf(heaps);
    }
}
