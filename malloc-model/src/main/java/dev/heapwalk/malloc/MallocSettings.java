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
            String how = dynamic
                    ? "; it grows to the size of the largest block up to 32 MiB that was mapped so and freed"
                    : "; set from outside, so it stays";
            List<Setting> all = new ArrayList<>();
            all.add(new Setting(
                    "mmap_threshold",
                    of.mmapThreshold(),
                    dynamic,
                    "blocks of this size and more are mapped on their own, and given back when they are freed" + how));
            all.add(new Setting(
                    "trim_threshold",
                    of.trimThreshold(),
                    dynamic,
                    of.trimThreshold() < 0
                            ? "free() never gives back the unused end of an arena"
                            : "free() gives back the unused end of an arena when that is larger"
                                    + (dynamic ? "; it is twice mmap_threshold, once that grows" : how)));
            all.add(new Setting(
                    "top_pad",
                    of.topPad(),
                    false,
                    "so much more is asked for, and kept, each time that the heap grows"));
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
            return List.copyOf(all);
        }
    }
}
