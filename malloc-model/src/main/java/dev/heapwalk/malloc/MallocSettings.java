// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.heap.Setting;
import dev.heapwalk.memory.Reader;
import java.util.ArrayList;
import java.util.List;

/** What {@code mp_} says of what malloc keeps and what it gives back, in words. */
final class MallocSettings {
    private MallocSettings() {}

    static List<Setting> of(MallocHeap heap) {
        try (Reader reader = heap.target().memory().reader(1 << 17)) {
            MallocPar of = Structures.parameters(
                    reader, heap.parameters().getAsLong(), heap.layout().par());
            boolean dynamic = of.noDynThreshold() == 0;
            List<Setting> all = new ArrayList<>();
            all.add(new Setting(
                    "mmap_threshold",
                    of.mmapThreshold(),
                    dynamic,
                    "blocks of this size and more are mapped on their own"));
            all.add(new Setting(
                    "trim_threshold",
                    of.trimThreshold(),
                    dynamic,
                    of.trimThreshold() < 0
                            ? "free() never gives back the unused end of an arena"
                            : "free() gives back the unused end of an arena that is larger"));
            all.add(new Setting(
                    "top_pad", of.topPad(), false, "so much more is asked for each time that the heap grows"));
            if (of.arenaMax() > 0) {
                all.add(new Setting("arena_max", of.arenaMax(), false, "there are at most so many arenas"));
            }
            if (of.transparentHugePageSize() > 0) {
                all.add(new Setting(
                        "thp_pagesize",
                        of.transparentHugePageSize(),
                        false,
                        "the main arena grows and shrinks by huge pages of this size"));
            }
            if (of.hugePageSize() > 0) {
                all.add(new Setting(
                        "hp_pagesize",
                        of.hugePageSize(),
                        false,
                        "malloc asks for huge pages of this size, of which hardly any is ever given back"));
            }
            return List.copyOf(all);
        }
    }
}
