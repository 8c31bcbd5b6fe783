// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

import dev.heapwalk.heap.EdgeSink;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.HeapPages;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.object.DataTypes;
import dev.heapwalk.ruby.object.RData;
import java.util.Map;
import java.util.TreeMap;

/**
 * The slots that the roots reach, as the garbage collector would find them. It needs two bits for each slot and a
 * number for each page: pages wait in a queue, and what waits on a page is done in one go, so that memory is read in
 * pieces.
 *
 * <p>What data of C extensions refers to only their own code knows. Where that can't be worked out, their memory is
 * searched for {@linkplain GuessedReferences anything that looks like a reference}, so more may be reached than the
 * collector would, and what an extension hides in ways of its own may be missed. For one thread.
 */
public final class Reachability {
    private final ObjectReader reader;
    private final Heaps heaps;
    private final Reader memory;
    private final HeapPages pages;
    private final References references;
    private final RValue view;
    private final RData data;
    private final DataTypes types = new DataTypes();
    private final Map<String, Long> searched = new TreeMap<>();
    private final EdgeSink reach = (address, kind, label) -> reach(address);

    private final int[] firstWords;
    private final long[] reached;
    private final long[] waiting;
    private final int[] queue;
    private final boolean[] queued;
    private int head;
    private int length;
    private long count;
    private long damaged;
    /** What searches the memory of objects of extensions; null until there is one. */
    private GuessedReferences guesses;

    private Reachability(ObjectReader reader, Heaps heaps) {
        this.reader = reader;
        this.heaps = heaps;
        this.memory = reader.memory();
        this.pages = reader.vm().pages();
        this.references = new References(reader);
        this.view = new RValue(reader);
        this.data = new RData(reader);
        this.firstWords = new int[pages.count() + 1];
        for (int page = 0; page < pages.count(); page++) {
            firstWords[page + 1] = firstWords[page] + (pages.slots(page) + Long.SIZE - 1 >>> 6);
        }
        this.reached = new long[firstWords[pages.count()]];
        this.waiting = new long[reached.length];
        this.queue = new int[pages.count()];
        this.queued = new boolean[pages.count()];
    }

    /**
     * Finds all that the roots reach. How large the memory is that objects of extensions have is asked of {@link
     * RubyVm#allocators()}.
     *
     * @param reader what follows the pointers
     * @return the slots that are reached
     */
    public static Reachability of(ObjectReader reader) {
        return of(reader, reader.vm().allocators());
    }

    /**
     * Finds all that the roots reach.
     *
     * @param reader what follows the pointers
     * @param heaps the heaps of the target, of which the allocators may be asked for the sizes of blocks
     * @return the slots that are reached
     */
    public static Reachability of(ObjectReader reader, Heaps heaps) {
        Reachability found = new Reachability(reader, heaps);
        Roots roots = new Roots(found.references, reader);
        try {
            roots.roots((address, category, label) -> found.reach(address));
            found.follow();
        } finally {
            if (found.guesses != null) {
                found.guesses.close();
                // What it keeps is large, and who asks what is reached asks for long.
                found.guesses = null;
            }
        }
        return found;
    }

    /**
     * Whether a slot is reached.
     *
     * @param address target address of a slot
     * @return whether it is; false where no slot begins
     */
    public boolean contains(long address) {
        int page = pages.at(address);
        int bit = page < 0 ? -1 : bit(page, address);
        return bit >= 0 && (reached[firstWords[page] + (bit >>> 6)] >>> bit & 1) != 0;
    }

    /**
     * How many slots are reached.
     *
     * @return a count
     */
    public long count() {
        return count;
    }

    /**
     * How many of them could not be read in full.
     *
     * @return a count, 0 unless memory changed or is damaged
     */
    public long damaged() {
        return damaged;
    }

    /**
     * The types whose memory was searched, since only their own code knows what they refer to, and it was not
     * understood.
     *
     * @return how many objects of each there are, by the name of the type; an empty name is data without a type
     */
    public Map<String, Long> searched() {
        return Map.copyOf(searched);
    }

    /** The number of a slot on its page, -1 if none begins there. */
    private int bit(int page, long address) {
        long offset = address - pages.start(page);
        int size = pages.slotSize(page);
        return offset >= 0 && offset % size == 0 && offset / size < pages.slots(page) ? (int) (offset / size) : -1;
    }

    private void reach(long address) {
        int page = pages.at(address);
        int bit = page < 0 ? -1 : bit(page, address);
        if (bit < 0) {
            return;
        }
        int word = firstWords[page] + (bit >>> 6);
        long mask = 1L << bit;
        if ((reached[word] & mask) != 0) {
            return;
        }
        reached[word] |= mask;
        waiting[word] |= mask;
        count++;
        if (!queued[page]) {
            queued[page] = true;
            queue[(head + length++) % queue.length] = page;
        }
    }

    private void follow() {
        while (length > 0) {
            int page = queue[head];
            head = (head + 1) % queue.length;
            length--;
            boolean found = true;
            // What a page's slots refer to is often on the same page.
            while (found) {
                found = false;
                for (int word = firstWords[page]; word < firstWords[page + 1]; word++) {
                    while (waiting[word] != 0) {
                        found = true;
                        int bit = Long.numberOfTrailingZeros(waiting[word]);
                        waiting[word] &= waiting[word] - 1;
                        int slot = (word - firstWords[page] << 6) + bit;
                        follow(pages.start(page) + (long) slot * pages.slotSize(page));
                    }
                }
            }
            queued[page] = false;
        }
    }

    private void follow(long address) {
        try {
            if (!reader.find(address, view)) {
                return;
            }
            RValue slot = view;
            if (slot.type() == RubyType.NONE || slot.type() == RubyType.ZOMBIE || slot.type() == RubyType.MOVED) {
                // A reference to no object is the target's own mistake, or torn.
                forget(address);
                return;
            }
            if (slot.type() == RubyType.DATA) {
                slot = reader.at(address, data);
            }
            if (!references.all(slot, reach) && RubyType.of(memory.readLong(address)) == RubyType.DATA) {
                search(address);
            }
        } catch (UnmappedAddressException e) {
            damaged++;
        }
    }

    private void forget(long address) {
        int page = pages.at(address);
        int bit = bit(page, address);
        reached[firstWords[page] + (bit >>> 6)] &= ~(1L << bit);
        count--;
    }

    /** Searches the memory of an object of an extension. */
    private void search(long address) {
        searched.merge(types.of(reader.at(address, data)).orElse(""), 1L, Long::sum);
        if (guesses == null) {
            guesses = new GuessedReferences(reader, heaps, new DataOwners(reader.vm()));
        }
        guesses.of(reader.at(address, data), reach);
    }
}
