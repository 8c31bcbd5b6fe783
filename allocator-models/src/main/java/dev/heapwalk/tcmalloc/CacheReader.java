// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.AnonymousMemory;
import dev.heapwalk.allocator.KeptBlocks;
import dev.heapwalk.heap.DamageList;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/** Follows the chains of free blocks that the caches of threads and the transfer cache have. */
final class CacheReader {
    private static final long NOTHING = -1;

    private final Reader reader;
    /** Reads blocks, which lie here and there. */
    private final Reader blocks;

    private final AnonymousMemory anonymous;
    private final HeapMap map;
    private final DamageList damages;
    private final boolean settled;

    private final FreeList list = new FreeList();
    private final CentralFreeList central = new CentralFreeList();
    private final TcmallocCursor span;
    private final KeptObjects kept;
    private final List<ThreadCache> caches = new ArrayList<>();
    private final int[] inTransfer;
    /** The word behind the last block of a chain. */
    private long behind;

    CacheReader(
            Target target,
            Reader reader,
            Reader blocks,
            AnonymousMemory anonymous,
            HeapMap map,
            DamageList damages,
            boolean settled) {
        this.reader = reader;
        this.blocks = blocks;
        this.anonymous = anonymous;
        this.map = map;
        this.span = new TcmallocCursor(target, reader, map);
        this.damages = damages;
        this.settled = settled;
        this.kept = new KeptObjects(map.table(), map.classes());
        this.inTransfer = new int[map.classes().count()];
    }

    List<ThreadCache> caches() {
        return List.copyOf(caches);
    }

    KeptBlocks kept() {
        return kept.kept();
    }

    /** How many blocks of each size class the transfer cache has. */
    int[] inTransfer() {
        return inTransfer.clone();
    }

    /** Reads a thread's cache. */
    void thread(long cache, OptionalLong tid) {
        int number = caches.size();
        List<ThreadCache.Contents> contents = new ArrayList<>();
        for (int i = 1; i < map.classes().count(); i++) {
            long at = cache + (long) FreeList.SIZE * i;
            long offset = reader.find(at, FreeList.SIZE);
            if (offset < 0) {
                continue;
            }
            list.wrap(reader.segment(), offset, at);
            long head = list.list();
            int length = list.length();
            int found = length < 0 ? 0 : follow(head, 0, length, i, number);
            if (found > 0) {
                contents.add(new ThreadCache.Contents(i, map.classes().size(i), found));
            }
            if (settled && (found != length || (length == 0 ? head : behind) != 0)) {
                damages.add(
                        at,
                        -1,
                        "a thread's list of blocks of %d bytes says that it has %d, but leads to %d and then to 0x%x; others of them may be listed as used"
                                .formatted(map.classes().size(i), length, found, length <= 0 ? head : behind));
            }
        }
        caches.add(new ThreadCache(cache, tid, contents));
    }

    /** Reads the transfer cache of a size class. */
    void transfer(long at, int sizeClass) {
        long offset = reader.find(at, CentralFreeList.SIZE);
        if (offset < 0) {
            return;
        }
        central.wrap(reader.segment(), offset, at);
        int slots = central.usedSlots();
        if (slots < 0 || slots > CentralFreeList.MOST_SLOTS) {
            if (settled) {
                damages.add(at, -1, "the transfer cache says that it has %d chains of blocks".formatted(slots));
            }
            return;
        }
        long[] ends = new long[2 * slots];
        for (int i = 0; i < slots; i++) {
            ends[2 * i] = central.head(i);
            ends[2 * i + 1] = central.tail(i);
        }
        int most = map.classes().moves()[sizeClass];
        for (int i = 0; i < slots; i++) {
            int found = follow(ends[2 * i], ends[2 * i + 1], most, sizeClass, KeptBlocks.ALLOCATOR);
            inTransfer[sizeClass] += found;
            if (settled && found != most) {
                damages.add(
                        at,
                        -1,
                        "a chain of %d blocks of %d bytes in the transfer cache leads to %d and then to 0x%x; others of them may be listed as used"
                                .formatted(most, map.classes().size(sizeClass), found, behind));
            }
        }
    }

    /**
     * Follows a chain to its last block.
     *
     * @param tail the last block, 0 if it is not known
     * @param most how many blocks it has
     * @return how many it has indeed
     */
    private int follow(long head, long tail, int most, int sizeClass, int owner) {
        long at = head;
        int count = 0;
        boolean more = true;
        while (count < most && more) {
            if (!take(at, sizeClass, owner)) {
                break;
            }
            count++;
            more = at != tail;
            at = blocks.readLong(at, NOTHING);
        }
        behind = at;
        return count;
    }

    /**
     * Takes what lies where a chain leads to, if it is an object of the size class that no chain has led to before. It
     * may also lie in what was left out, maybe in a span with such objects: the chain may lead out of it again.
     */
    private boolean take(long address, int sizeClass, int owner) {
        SpanTable table = map.table();
        if (address <= 0 || (address & 7) != 0) {
            return false;
        }
        int index = table.at(address);
        long size = map.classes().size(sizeClass);
        if (index < 0 || table.kinds[index] == SpanTable.Kind.FLUX) {
            return anonymous.holds(address, size) && kept.takeOther(address);
        }
        if (table.kinds[index] != SpanTable.Kind.SMALL) {
            return false;
        }
        if (table.classes[index] != sizeClass) {
            // It may be its class that is wrong.
            return !span.opens(index) && kept.takeOther(address);
        }
        long inSpan = address - table.starts[index];
        int object = (int) (inSpan / size);
        return object * size == inSpan && kept.take(index, object, owner);
    }
}
