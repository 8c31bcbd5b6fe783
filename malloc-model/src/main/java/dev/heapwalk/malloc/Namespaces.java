// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.elf.ElfModule;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Which namespace of the dynamic linker each module was loaded into: 0 is the program's own, {@code dlmopen} and
 * {@code LD_AUDIT} make others. The linker's {@code _rtld_global} begins with the heads of their lists of modules, at
 * distances that differ between versions, so each of its first words is looked at.
 */
final class Namespaces {
    private static final long SEARCHED = 8192;
    private static final int MOST_NAMESPACES = 16;
    private static final int MOST_MODULES = 1 << 14;

    // struct link_map: l_addr, l_name, l_ld, l_next, l_prev; then l_real and l_ns, which are the linker's own.
    private static final long LD = 16;
    private static final long NEXT = 24;
    private static final long PREVIOUS = 32;
    private static final long REAL = 40;
    private static final long NAMESPACE = 48;

    private final Map<ElfModule, Integer> namespaces = new HashMap<>();

    private Namespaces() {}

    static Namespaces of(List<ElfModule> modules, Reader reader) {
        Namespaces all = new Namespaces();
        modules.stream()
                .flatMap(module -> module.exported("_rtld_global").stream().boxed())
                .forEach(global -> all.search(global, modules, reader));
        return all;
    }

    private void search(long global, List<ElfModule> modules, Reader reader) {
        Set<Long> seen = new HashSet<>();
        for (long at = global; at < global + SEARCHED; at += 8) {
            long head = reader.readLong(at, 0);
            long namespace = head == 0 || (head & 7) != 0 ? -1 : reader.readLong(head + NAMESPACE, -1);
            if (namespace >= 0
                    && namespace < MOST_NAMESPACES
                    && reader.readLong(head + REAL, 0) == head
                    && reader.readLong(head + PREVIOUS, -1) == 0) {
                for (long entry = head; entry != 0 && seen.size() < MOST_MODULES && seen.add(entry); ) {
                    note(modules, reader.readLong(entry + LD, 0), (int) namespace);
                    entry = reader.readLong(entry + NEXT, 0);
                }
            }
        }
    }

    private void note(List<ElfModule> modules, long dynamic, int namespace) {
        for (ElfModule module : modules) {
            if (dynamic != 0 && module.contains(dynamic)) {
                // The linker itself is in all of them.
                namespaces.merge(module, namespace, Math::min);
                return;
            }
        }
    }

    /** The number of a module's namespace, -1 if it is not known. */
    int of(ElfModule module) {
        return namespaces.getOrDefault(module, -1);
    }
}
