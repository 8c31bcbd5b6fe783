// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.TouchedPages;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.stream.Collectors;

/**
 * What a forked copy lacks of the process that forked it, as far as somebody wanted to read it: memory that the program
 * keeps from its children, and memory that it shares with others, which goes on changing.
 */
final class CopyGaps {
    /** How the paths begin of what is no file on a disk, but memory of several processes. */
    private static final List<String> NO_FILES = List.of("/memfd:", "/dev/shm/", "/dev/zero", "/SYSV");

    private final LiveProcess copy;
    private final Mappings before;
    private final Map<Long, Mapping> unmapped = new ConcurrentSkipListMap<>();
    private final Map<Long, Mapping> shared = new ConcurrentSkipListMap<>();
    private final Map<Long, Mapping> empty = new ConcurrentSkipListMap<>();

    /**
     * Makes one that knows of nothing.
     *
     * @param copy the copy
     * @param before what the process had mapped when it forked
     */
    CopyGaps(LiveProcess copy, Mappings before) {
        this.copy = copy;
        this.before = before;
    }

    /** An address was wanted at which the copy has nothing mapped. */
    void unmapped(long address) {
        before.at(address).filter(Mapping::readable).ifPresent(mapping -> unmapped.put(mapping.start(), mapping));
    }

    /** All was wanted. */
    void all(Mappings copied) {
        for (Mapping mapping : before) {
            if (mapping.start() >= 0
                    && !mapping.ofDriver()
                    && copied.at(mapping.start()).isEmpty()) {
                unmapped(mapping.start());
            }
        }
    }

    /** Where the mappings begin that are zeros in the copy, whatever the process has there. */
    Set<Long> wiped() {
        return copy.wipedMappings(() -> {});
    }

    /** A page was wanted that is in no memory of the copy. */
    void absent(Mapping mapping) {
        if (mapping.shared()) {
            // A file that is only read there, such as a cache of the C library, hardly ever changes.
            if (mapping.writable() || NO_FILES.stream().anyMatch(mapping.path()::startsWith)) {
                shared.put(mapping.start(), mapping);
            }
        } else if (PageMap.isPrivateMemory(mapping)) {
            empty.put(mapping.start(), mapping);
        }
    }

    /** A line for each that a person should know of. */
    List<String> notices(TouchedPages touched) {
        List<String> lines = new ArrayList<>();
        unmapped.values()
                .forEach(mapping -> lines.add(
                        ("0x%x-0x%x is in no copy: the program keeps it from its children" + " (MADV_DONTFORK)")
                                .formatted(mapping.start(), mapping.end())));
        List<Mapping> untouched = empty.values().stream()
                .filter(mapping -> touched.next(mapping.start(), mapping.end()) >= mapping.end())
                .toList();
        if (!untouched.isEmpty()) {
            Set<Long> wiped = wiped();
            // What may be gone at any time holds nothing that a program would miss. Each has such a page since glibc
            // 2.41.
            Set<Long> droppable = copy.droppableMappings(() -> {});
            untouched.stream()
                    .filter(mapping -> wiped.contains(mapping.start()) && !droppable.contains(mapping.start()))
                    .forEach(mapping -> lines.add(("0x%x-0x%x is zeros in a copy: the program keeps what is there from"
                                    + " its children (MADV_WIPEONFORK)")
                            .formatted(mapping.start(), mapping.end())));
        }
        if (!shared.isEmpty()) {
            lines.add(
                    "memory that is shared with other processes is not frozen by a fork, and may be newer than the rest: "
                            + shared.values().stream()
                                    .map(mapping -> "0x%x-0x%x".formatted(mapping.start(), mapping.end()))
                                    .collect(Collectors.joining(", ")));
        }
        return lines;
    }
}
