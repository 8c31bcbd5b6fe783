// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.TouchedPages;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.elf.ElfModules;
import dev.heapwalk.memory.held.HeldRanges;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What of a process is to be copied: what is in memory of its own mappings, of the files that it has mapped, and of
 * what it shares. What was never touched is zeros, and what is in a file alone is taken from there. Large mappings of
 * files and of shared memory are left out, and what drivers have mapped.
 */
final class CopyPlan {
    /** A mapping of a file, or of shared memory, that is larger is left out, in bytes. */
    private static final long LARGE = 64 << 20;

    /** Shorter runs of zeros between what is copied are copied with it, in bytes. */
    private static final long SHORT = 16 << 10;

    /** One part in so many of what is copied may be swapped out. */
    private static final long SWAPPED_SHARE = 16;

    private static final byte COPIED = 0;
    private static final byte ZEROS = 1;
    private static final byte FILE = 2;

    private final LiveMemory memory;
    private final Presence presence;
    private final TouchedPages touched;
    /** Modules by where their mappings of files begin. */
    private final Map<Long, ElfModule> modules = new HashMap<>();

    private long[] starts = new long[1024];
    private long[] ends = new long[1024];
    private byte[] kinds = new byte[1024];
    private MemorySegment[] files = new MemorySegment[1024];
    private int count;
    private long bytes;
    private long swapped;

    CopyPlan(LiveMemory memory) {
        this.memory = memory;
        this.presence = new Presence(memory, memory.mark(), Arena.ofAuto());
        this.touched = memory.touched();
    }

    /**
     * Plans anew.
     *
     * @param loaded the modules of the process
     */
    void make(List<ElfModule> loaded) {
        count = 0;
        swapped = 0;
        touched.forget();
        presence.forget();
        modules.clear();
        for (ElfModule module : loaded) {
            module.mappings().forEach(mapping -> modules.put(mapping.start(), module));
        }
        for (Mapping mapping : memory.mappings()) {
            // What lies in the kernel's half can't be read from outside.
            if (mapping.readable() && mapping.start() >= 0) {
                if (PageMap.isPrivateMemory(mapping)) {
                    addMemory(mapping);
                } else if (mapping.length() <= LARGE && !mapping.ofDriver()) {
                    addFile(mapping);
                }
            }
        }
        bytes = 0;
        for (int i = 0; i < count; i++) {
            bytes += kinds[i] == COPIED ? ends[i] - starts[i] : 0;
        }
    }

    /** How much is to be copied, in bytes. */
    long bytes() {
        return bytes;
    }

    /** How much of its own memory is swapped out, in bytes. To copy it brings it back. */
    long swapped() {
        return swapped;
    }

    /** Whether that is so much that the process would become noticeably larger. */
    boolean bringsBackMuch() {
        return swapped > bytes / SWAPPED_SHARE;
    }

    private void addMemory(Mapping mapping) {
        // What a server of page faults would bring is not known.
        boolean zeros = memory.kindOfAbsent(mapping) == Presence.ZEROS;
        long at = mapping.start();
        while (at < mapping.end()) {
            long next = touched.next(at, mapping.end());
            if (next > at) {
                if (zeros) {
                    add(at, next, ZEROS, null);
                }
                at = next;
                continue;
            }
            presence.kind(at, mapping.end());
            long end = Math.min(presence.end(), mapping.end());
            if (presence.swappedOut()) {
                addSwapped(at, end);
            } else if (!presence.absent()) {
                add(at, end, COPIED, null);
            } else if (zeros) {
                add(at, end, ZEROS, null);
            }
            at = end;
        }
    }

    private void addFile(Mapping mapping) {
        ElfModule module = mapping.shared() || mapping.anonymous() ? null : modules.get(mapping.start());
        long at = mapping.start();
        while (at < mapping.end()) {
            int kind = presence.kind(at, mapping.end());
            long end = Math.min(presence.end(), mapping.end());
            if (!presence.absent()) {
                add(at, end, COPIED, null);
            } else if (presence.swappedOut()) {
                // Shared memory that is swapped out is left out like that of which nothing was looked at.
                if (!mapping.shared()) {
                    addSwapped(at, end);
                }
            } else if (module != null && kind == Presence.IN_FILE) {
                addFromDisk(mapping, module, at, end);
            }
            at = end;
        }
    }

    private void addSwapped(long from, long to) {
        swapped += to - from;
        add(from, to, COPIED, null);
    }

    /** Pages that are in a module's file alone: what is not in memory was never written. */
    private void addFromDisk(Mapping mapping, ElfModule module, long from, long to) {
        Optional<MemorySegment> file = ElfModules.file(module);
        if (file.isEmpty()) {
            // The file is another one by now: only the kernel has what was mapped.
            add(from, to, COPIED, null);
            return;
        }
        long offset = mapping.fileOffset() + (from - mapping.start());
        long there = Math.min(to - from, file.get().byteSize() - offset);
        if (there <= 0) {
            return;
        }
        add(from, from + there, FILE, file.get().asSlice(offset, there));
        long page = memory.pageSize();
        long lastPage = from + (there + page - 1 & -page);
        if (lastPage > from + there) {
            // Behind its end, the last page of a mapped file is zero.
            add(from + there, Math.min(lastPage, to), ZEROS, null);
        }
    }

    private void add(long start, long end, byte kind, MemorySegment file) {
        if (kind != FILE && count > 0 && ends[count - 1] == start) {
            if (kinds[count - 1] == kind) {
                ends[count - 1] = end;
                return;
            }
            if (kind == COPIED
                    && kinds[count - 1] == ZEROS
                    && count > 1
                    && kinds[count - 2] == COPIED
                    && ends[count - 2] == starts[count - 1]
                    && start - ends[count - 2] <= SHORT) {
                count--;
                ends[count - 1] = end;
                return;
            }
        }
        if (count == starts.length) {
            starts = Arrays.copyOf(starts, 2 * count);
            ends = Arrays.copyOf(ends, 2 * count);
            kinds = Arrays.copyOf(kinds, 2 * count);
            files = Arrays.copyOf(files, 2 * count);
        }
        starts[count] = start;
        ends[count] = end;
        kinds[count] = kind;
        files[count++] = file;
    }

    /** Takes pieces of what is to be copied, in address order. */
    @FunctionalInterface
    interface Pieces {
        /**
         * Takes a piece.
         *
         * @param start target address of the first byte
         * @param end target address behind the last byte
         */
        void take(long start, long end);
    }

    /** Tells all that is to be copied. */
    void copied(Pieces pieces) {
        for (int i = 0; i < count; i++) {
            if (kinds[i] == COPIED) {
                pieces.take(starts[i], ends[i]);
            }
        }
    }

    /** Gives ranges for which nothing need be copied to the others. */
    private void rest(int index, HeldRanges ranges, long until) {
        int at = index;
        while (at < count && starts[at] < until) {
            if (kinds[at] == ZEROS) {
                ranges.addZeros(starts[at], ends[at]);
            } else if (kinds[at] == FILE) {
                ranges.add(starts[at], files[at]);
            }
            at++;
        }
    }

    /**
     * Puts what was copied together with the rest.
     *
     * @param copies what was copied, in address order
     * @return all that is known
     */
    HeldRanges with(List<Copy> copies) {
        HeldRanges ranges = new HeldRanges();
        int index = 0;
        for (Copy copy : copies) {
            rest(index, ranges, copy.start());
            while (index < count && starts[index] <= copy.start()) {
                index++;
            }
            ranges.add(copy.start(), copy.bytes());
        }
        rest(index, ranges, Long.MAX_VALUE);
        return ranges;
    }

    /**
     * A range that was copied.
     *
     * @param start target address of the first byte
     * @param bytes what is there
     */
    record Copy(long start, MemorySegment bytes) {}
}
