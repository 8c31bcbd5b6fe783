// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.Ranges;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** The runs of chunks that a walk goes through, in address order, as arrays so that a cursor makes no objects. */
final class WalkPlan {
    /** One run; {@code arena} is -1 for an mmapped chunk, {@code top} is 0 where the arena's top chunk is not in it. */
    record Run(long start, long end, int arena, long top) {}

    final long[] starts;
    final long[] ends;
    final int[] arenas;
    final long[] tops;
    final long[] before;
    final long totalBytes;
    /** All that is read as a whole: of top chunks and mmapped ones only the headers are. */
    final Ranges course;

    WalkPlan(List<Run> runs) {
        List<Run> sorted =
                runs.stream().sorted(Comparator.comparingLong(Run::start)).toList();
        starts = sorted.stream().mapToLong(Run::start).toArray();
        ends = sorted.stream().mapToLong(Run::end).toArray();
        arenas = sorted.stream().mapToInt(Run::arena).toArray();
        tops = sorted.stream().mapToLong(Run::top).toArray();
        before = new long[starts.length];
        long total = 0;
        for (int i = 0; i < starts.length; i++) {
            before[i] = total;
            total += ends[i] - starts[i];
        }
        totalBytes = total;
        int[] ofArenas =
                IntStream.range(0, arenas.length).filter(i -> arenas[i] >= 0).toArray();
        course = Ranges.of(
                IntStream.of(ofArenas).mapToLong(i -> starts[i]).toArray(),
                IntStream.of(ofArenas)
                        .mapToLong(i -> tops[i] == 0 ? ends[i] : tops[i] + MallocChunk.HEADER)
                        .toArray());
    }

    static WalkPlan of(List<MallocArena> arenas, long[] mmapStarts, long[] mmapEnds) {
        return new WalkPlan(java.util.stream.Stream.concat(
                        arenas.stream()
                                .flatMap(arena -> arena.regions().stream()
                                        .map(region -> new Run(
                                                region.start(),
                                                region.end(),
                                                arena.index(),
                                                arena.top() >= region.start() && arena.top() < region.end()
                                                        ? arena.top()
                                                        : 0))),
                        IntStream.range(0, mmapStarts.length).mapToObj(i -> new Run(mmapStarts[i], mmapEnds[i], -1, 0)))
                .toList());
    }

    /** Whether these are the runs of this plan, so that it need not be made again. */
    boolean isOf(List<MallocArena> some, List<MmapHeaders.Chunk> mmapped) {
        int runs = 0;
        for (MallocArena arena : some) {
            for (MallocArena.Region region : arena.regions()) {
                long top = arena.top() >= region.start() && arena.top() < region.end() ? arena.top() : 0;
                if (find(region.start(), region.end(), arena.index(), top) < 0) {
                    return false;
                }
                runs++;
            }
        }
        int last = -1;
        for (MmapHeaders.Chunk chunk : mmapped) {
            int index = find(chunk.chunk(), chunk.end(), -1, 0);
            if (index <= last) {
                return false;
            }
            last = index;
            runs++;
        }
        return runs == starts.length;
    }

    private int find(long start, long end, int arena, long top) {
        int index = Arrays.binarySearch(starts, start);
        return index >= 0 && ends[index] == end && arenas[index] == arena && tops[index] == top ? index : -1;
    }

    /** The run that holds an address, or -1. */
    int at(long address) {
        int index = Arrays.binarySearch(starts, address);
        if (index < 0) {
            index = -index - 2;
        }
        return index >= 0 && address < ends[index] ? index : -1;
    }

    /** Whether an address can be that of a chunk: aligned, and in a run with room for a header. */
    boolean chunk(long address) {
        int run = (address & 15) == 0 ? at(address) : -1;
        return run >= 0 && (arenas[run] < 0 ? address == starts[run] : ends[run] - address >= MallocChunk.HEADER);
    }
}
