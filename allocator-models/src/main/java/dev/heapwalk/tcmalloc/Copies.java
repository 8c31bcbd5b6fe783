// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.Attempts;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** All copies of tcmalloc in a target. */
final class Copies {
    private Copies() {}

    static List<TcmallocHeap> locate(Target target) {
        List<TcmallocModule> all = TcmallocModule.of(target);
        List<TcmallocModule> modules = all.stream()
                .filter(module -> module.kind() == TcmallocModule.Kind.GPERFTOOLS)
                .toList();
        List<TcmallocHeap> heaps = new ArrayList<>();
        for (TcmallocModule module : modules) {
            Discovery discovery = new Discovery(target, module);
            String name = "tcmalloc"
                    + module.version().map(version -> " " + version).orElse("")
                    + (modules.size() == 1 ? "" : " in " + module.file());
            int first = heaps.size();
            Optional<TcmallocHeap> found = Attempts.at(target, () -> discovery.look(name, first));
            found.ifPresent(heaps::add);
        }
        if (heaps.isEmpty()) {
            throw new UnsupportedTargetException(refusal(target, all, modules));
        }
        return List.copyOf(heaps);
    }

    private static String refusal(Target target, List<TcmallocModule> all, List<TcmallocModule> modules) {
        if (all.isEmpty()) {
            return "no tcmalloc in " + target.description();
        }
        return modules.isEmpty()
                ? "%s has Google's own tcmalloc in %s, whose caches are those of processors; gperftools' is known, that one is not. What it counts of itself it tells by MallocExtension::GetStats"
                        .formatted(target.description(), files(all))
                : "no tcmalloc that is known in %s: variables of %s lead to no page map as gperftools 2.8 to 2.18 have"
                        .formatted(target.description(), files(modules));
    }

    private static String files(List<TcmallocModule> modules) {
        return modules.stream().map(TcmallocModule::file).collect(Collectors.joining(" and "));
    }
}
