// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * What a ledger process says of itself at a moment when nothing in it allocates. All addresses are the target's.
 *
 * @param glibc the version that {@code gnu_get_libc_version} names, for example {@code 2.36}; empty on musl
 * @param programBreak the end of the data segment, as {@code brk} tells it
 * @param live the blocks that the program holds, by ascending address
 * @param freed the addresses that it freed and does not hold again now, ascending; of a long run only the last ones. At
 *     such an address there may be a block of libc's own by now, or the inside of a larger block
 * @param mallinfo the fields of {@code mallinfo2}, of {@code mallinfo} before glibc 2.33, by name: {@code hblks} and
 *     {@code hblkhd} count mappings of single blocks, {@code keepcost} the top of the main arena, the others sums over
 *     all arenas; empty for a process that never allocated, and on musl
 * @param threads the main thread and all that were started, also those that ended
 */
public record Ledger(
        String glibc,
        long programBreak,
        List<Block> live,
        long[] freed,
        Map<String, Long> mallinfo,
        List<LedgerThread> threads) {

    /**
     * A block that the program holds.
     *
     * @param address what malloc returned
     * @param requested how many bytes were asked for
     * @param usable what {@code malloc_usable_size} says
     * @param tid the thread that allocated it, which may have ended
     */
    public record Block(long address, long requested, long usable, int tid) {}

    /**
     * A thread of the program.
     *
     * @param tid its id
     * @param name its name, as {@code /proc} tells it too; for the main thread {@code main}
     * @param lives whether it has not ended
     * @param self what {@code pthread_self} returns: the address of its control block
     * @param dtv the address in its control block of its vector of thread-local storage, which glibc allocates with
     *         {@code calloc} for every thread but the main one: the block begins 16 bytes before, and stays when the
     *         thread has ended as long as glibc keeps its stack
     */
    public record LedgerThread(int tid, String name, boolean lives, long self, long dtv) {}

    /**
     * The sum of what the program asked for.
     *
     * @return bytes
     */
    public long requestedBytes() {
        return live.stream().mapToLong(Block::requested).sum();
    }

    static Ledger parse(List<String> lines) {
        String glibc = "";
        long programBreak = 0;
        List<Block> live = new ArrayList<>();
        LongStream.Builder freed = LongStream.builder();
        Map<String, Long> mallinfo = new LinkedHashMap<>();
        List<LedgerThread> threads = new ArrayList<>();
        for (String line : lines) {
            String[] word = line.split(" ");
            switch (word[0]) {
                case "glibc" -> glibc = word[1];
                case "break" -> programBreak = Long.decode(word[1]);
                case "live" ->
                    live.add(new Block(
                            Long.decode(word[1]),
                            Long.parseLong(word[2]),
                            Long.parseLong(word[3]),
                            Integer.parseInt(word[4])));
                case "freed" -> freed.add(Long.decode(word[1]));
                case "mallinfo" -> mallinfo.put(word[1], Long.parseLong(word[2]));
                case "thread" ->
                    threads.add(new LedgerThread(
                            Integer.parseInt(word[1]),
                            word[5],
                            word[4].equals("lives"),
                            Long.decode(word[2]),
                            Long.decode(word[3])));
                default -> throw new IllegalArgumentException("not a line of a ledger: " + line);
            }
        }
        live.sort(Comparator.comparingLong(Block::address));
        long[] held = live.stream().mapToLong(Block::address).toArray();
        long[] gone = freed.build()
                .filter(address -> Arrays.binarySearch(held, address) < 0)
                .sorted()
                .distinct()
                .toArray();
        return new Ledger(glibc, programBreak, List.copyOf(live), gone, Map.copyOf(mallinfo), List.copyOf(threads));
    }
}
