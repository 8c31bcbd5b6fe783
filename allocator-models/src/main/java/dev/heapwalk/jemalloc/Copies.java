// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** All copies of jemalloc in a target. */
final class Copies {
    /** So often it is tried where a process runs on, and may change too much at one time. */
    private static final int MOST_LOOKS = 4;

    private Copies() {}

    static List<JemallocHeap> locate(Target target) {
        List<JemallocModule> modules = JemallocModule.of(target);
        List<JemallocHeap> heaps = new ArrayList<>();
        int regions = 0;
        for (JemallocModule module : modules) {
            Discovery discovery = new Discovery(target, module);
            String name = "jemalloc" + discovery.version() + (modules.size() == 1 ? "" : " in " + module.file());
            Optional<JemallocHeap> found = discovery.look(name, regions);
            for (int i = 1; found.isEmpty() && !target.still() && i < MOST_LOOKS; i++) {
                found = discovery.look(name, regions);
            }
            if (found.isPresent()) {
                regions += found.get().arenaCount();
                heaps.add(found.get());
            }
        }
        if (heaps.isEmpty()) {
            throw new UnsupportedTargetException(
                    modules.isEmpty()
                            ? "no jemalloc in " + target.description()
                            : "no jemalloc that is known in %s: variables of %s lead to no tree of pages as 5.2 and 5.3 have"
                                    .formatted(
                                            target.description(),
                                            modules.stream()
                                                    .map(JemallocModule::file)
                                                    .collect(Collectors.joining(" and "))));
        }
        return List.copyOf(heaps);
    }
}
