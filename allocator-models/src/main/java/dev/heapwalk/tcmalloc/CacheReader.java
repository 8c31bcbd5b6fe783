// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.AnonymousMemory;
import dev.heapwalk.allocator.Chains;
import dev.heapwalk.allocator.KeptBlocks;
import dev.heapwalk.heap.DamageList;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/** Follows the chains of free blocks that the caches of threads and the transfer cache have. */
final class CacheReader {
    private final Reader reader;
    private final AnonymousMemory anonymous;
    private final HeapMap map;
    private final DamageList damages;
    private final boolean settled;

    private final FreeList list = new FreeList();
    private final CentralFreeList central = new CentralFreeList();
    private final TcmallocCursor span;
    private final KeptObjects kept;
    private final Chains chains;
    /** What has each of the chains. */
    private final List<Holder> holders = new ArrayList<>();

    private final List<Long> threads = new ArrayList<>();
    private final List<OptionalLong> tids = new ArrayList<>();
    private final List<ThreadCache> caches = new ArrayList<>();
    private final int[] inTransfer;

    /**
     * What has a chain.
     *
     * @param at target address of a structure
     * @param sizeClass of which its blocks are
     * @param owner the number of a thread's cache, or {@link KeptBlocks#ALLOCATOR} for the transfer cache
     * @param length how many blocks it says to have
     */
    private record Holder(long at, int sizeClass, int owner, int length) {}

    CacheReader(
            Target target, Reader reader, AnonymousMemory anonymous, HeapMap map, DamageList damages, boolean settled) {
        this.reader = reader;
        this.anonymous = anonymous;
        this.map = map;
        this.span = new TcmallocCursor(target, reader, map);
        this.damages = damages;
        this.settled = settled;
        this.kept = new KeptObjects(map.table(), map.classes());
        this.chains = new Chains(reader.memory());
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

    /** Reads where the chains of a thread's cache begin. */
    void thread(long cache, OptionalLong tid) {
        for (int i = 1; i < map.classes().count(); i++) {
            long at = cache + (long) FreeList.SIZE * i;
            long offset = reader.find(at, FreeList.SIZE);
            if (offset >= 0) {
                list.wrap(reader.segment(), offset, at);
                add(new Holder(at, i, threads.size(), list.length()), list.list(), 0);
            }
        }
        threads.add(cache);
        tids.add(tid);
    }

    /** Reads where the chains of the transfer cache begin that it has of a size class. */
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
        int length = map.classes().moves()[sizeClass];
        for (int i = 0; i < slots; i++) {
            add(new Holder(at, sizeClass, KeptBlocks.ALLOCATOR, length), central.head(i), central.tail(i));
        }
    }

    private void add(Holder holder, long head, long tail) {
        holders.add(holder);
        chains.add(head, tail, holder.length);
    }

    /** Follows all chains. */
    void follow() {
        chains.follow(this::take);
        List<List<ThreadCache.Contents>> contents = new ArrayList<>();
        threads.forEach(_ -> contents.add(new ArrayList<>()));
        for (int i = 0; i < holders.size(); i++) {
            Holder holder = holders.get(i);
            int found = chains.count(i);
            if (holder.owner == KeptBlocks.ALLOCATOR) {
                inTransfer[holder.sizeClass] += found;
            } else if (found > 0) {
                contents.get(holder.owner)
                        .add(new ThreadCache.Contents(
                                holder.sizeClass, map.classes().size(holder.sizeClass), found));
            }
            if (settled) {
                contradiction(holder, found, chains.behind(i));
            }
        }
        for (int i = 0; i < threads.size(); i++) {
            caches.add(new ThreadCache(threads.get(i), tids.get(i), contents.get(i)));
        }
    }

    private void contradiction(Holder holder, int found, long behind) {
        int size = map.classes().size(holder.sizeClass);
        if (holder.owner == KeptBlocks.ALLOCATOR) {
            if (found != holder.length) {
                damages.add(
                        holder.at,
                        -1,
                        "a chain of %d blocks of %d bytes in the transfer cache leads to %d and then to 0x%x; others of them may be listed as used"
                                .formatted(holder.length, size, found, behind));
            }
        } else if (found != holder.length || behind != 0) {
            damages.add(
                    holder.at,
                    -1,
                    "a thread's list of blocks of %d bytes says that it has %d, but leads to %d and then to 0x%x; others of them may be listed as used"
                            .formatted(size, holder.length, found, behind));
        }
    }

    /**
     * Takes what lies where a chain leads to, if it is an object of the size class that no chain has led to before. It
     * may also lie in what was left out, maybe in a span with such objects: the chain may lead out of it again.
     */
    private boolean take(int chain, long address) {
        int sizeClass = holders.get(chain).sizeClass;
        int owner = holders.get(chain).owner;
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
