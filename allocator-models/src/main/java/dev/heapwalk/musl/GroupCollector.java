// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.heap.DamageList;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.musl.layout.MallocngLayout;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.TreeSet;

/**
 * Takes the groups that the areas of metas describe. A group is taken if its meta may be one in itself, and if it begins
 * with the address of that meta; one that lies in a slot of another group, if that slot has a group of this size.
 */
final class GroupCollector {
    private static final int FIRST_LENGTH = 1 << 10;
    private static final int MOST_AREAS = 1 << 24;
    /** Groups lie in slots of groups that lie in slots, each half as large at most. */
    private static final int DEEPEST = 12;

    private static final int HAS_GROUP = 6;
    /** How far the first word of a group reaches, from its beginning. */
    private static final int FIRST_WORD = (int) MallocngLayout.GROUP_META + Long.BYTES;

    private final Reader reader;
    private final Mappings mappings;
    private final long pageSize;
    private final DamageList damages;
    /** Whether what does not fit is damage, and no change that is under way. */
    private final boolean settled;

    private final KnownGroups.Search known;

    private final MetaArea area = new MetaArea();
    private final Meta meta = new Meta();

    private final TreeSet<Long> areas = new TreeSet<>();
    /** The same, for who asks often. */
    private final LongTable knownAreas = new LongTable();

    private long[] metas = new long[FIRST_LENGTH];
    private long[] groups = new long[FIRST_LENGTH];
    private long[] bits = new long[FIRST_LENGTH];
    /** A bit for each slot of a group that is free. */
    private int[] masks = new int[FIRST_LENGTH];
    /** The headers of the slots that groups lie in, where they lie in one. */
    private int[] headers = new int[FIRST_LENGTH];

    private boolean[] dropped = new boolean[0];

    // The first words of the groups that an area describes, with what lies before them in slots.
    private final long[] starts = new long[MallocngLayout.METAS];
    private final long[] lengths = new long[MallocngLayout.METAS];
    private final long[] got = new long[MallocngLayout.METAS];
    /** Whether they are known, and were not read. */
    private final boolean[] sure = new boolean[MallocngLayout.METAS];

    private final MemorySegment words =
            MemorySegment.ofArray(new byte[(MallocngLayout.HEADER + FIRST_WORD) * MallocngLayout.METAS]);
    private int count;
    private long leftOut;

    // The sweep over groups in address order.
    private final GroupTable table = new GroupTable();
    private final int[] open = new int[DEEPEST];
    private final int[] nextSlots = new int[DEEPEST];
    private int depth;

    GroupCollector(
            Reader reader, Mappings mappings, long pageSize, DamageList damages, boolean settled, KnownGroups known) {
        this.reader = reader;
        this.mappings = mappings;
        this.pageSize = pageSize;
        this.damages = damages;
        this.settled = settled;
        this.known = known.new Search();
    }

    /** Bytes of groups that were in no state to be read. */
    long leftOut() {
        return leftOut;
    }

    int areas() {
        return areas.size();
    }

    private void harm(long address, String reason) {
        if (settled) {
            damages.add(address, -1, reason);
        }
    }

    /** Follows the chain of areas. Where it does not lead to the last one, areas are looked for beside others. */
    void findAreas(MallocContext context) {
        long secret = context.secret();
        long head = context.metaAreaHead();
        long tail = context.metaAreaTail();
        long[] actives = new long[MallocngLayout.CLASSES];
        for (int i = 0; i < actives.length; i++) {
            actives[i] = context.active(i) & -MallocngLayout.AREA_SIZE;
        }
        long at = head;
        long last = 0;
        while (at != 0 && areas.size() < MOST_AREAS && !areas.contains(at) && readArea(at, secret)) {
            areas.add(at);
            last = at;
            at = area.next();
        }
        TreeSet<Long> known = new TreeSet<>(areas);
        known.add(tail);
        for (long active : actives) {
            if (active != 0) {
                known.add(active);
            }
        }
        if (last == tail && at == 0 && known.size() == areas.size() && !hasOthersBeside(secret)) {
            return;
        }
        harm(
                last == 0 ? context.address() : last,
                "the chain of areas of metas does not lead to all of them, the last one at 0x%x".formatted(tail));
        for (long one : known) {
            if (!areas.contains(one) && readArea(one, secret)) {
                areas.add(one);
            }
            mappings.at(one).filter(Mapping::writable).ifPresent(mapping -> findBeside(mapping, secret));
        }
    }

    /** Whether there is an area right before or behind one that is known. */
    private boolean hasOthersBeside(long secret) {
        for (long one : areas) {
            for (long beside : new long[] {one - MallocngLayout.AREA_SIZE, one + MallocngLayout.AREA_SIZE}) {
                if (!areas.contains(beside) && looksLikeArea(beside, secret)) {
                    return true;
                }
            }
        }
        return false;
    }

    private boolean looksLikeArea(long address, long secret) {
        return reader.readLong(address, 0) == secret
                && reader.readInt(address + MallocngLayout.NSLOTS, 0) == MallocngLayout.METAS;
    }

    private void findBeside(Mapping mapping, long secret) {
        // Areas fill a mapping from its beginning on; elsewhere they have their secret, hardly anything else has.
        for (long at = mapping.start(); at < mapping.end(); at += MallocngLayout.AREA_SIZE) {
            if (looksLikeArea(at, secret)) {
                areas.add(at);
            }
        }
    }

    /** Lays the view over an area, if it is one. */
    private boolean readArea(long address, long secret) {
        long offset =
                (address & MallocngLayout.AREA_SIZE - 1) == 0 && mappings.writable(address, MallocngLayout.AREA_SIZE)
                        ? reader.find(address, MetaArea.SIZE)
                        : -1;
        if (offset < 0) {
            return false;
        }
        area.wrap(reader.segment(), offset, address);
        boolean checked = area.check() == secret;
        boolean counted = area.nslots() == MallocngLayout.METAS;
        if (checked != counted) {
            harm(
                    address,
                    "the area of metas at 0x%x has %s"
                            .formatted(
                                    address,
                                    checked
                                            ? "%d metas, not as many as fit".formatted(area.nslots())
                                            : "another secret than the context"));
        }
        return checked || counted;
    }

    /** Reads all metas, and takes the groups that they describe. */
    void findGroups() {
        areas.forEach(at -> knownAreas.put(at, 1));
        for (long at : areas) {
            int before = count;
            for (int i = 0; i < MallocngLayout.METAS; i++) {
                readMeta(at + MallocngLayout.SLOTS + (long) Meta.SIZE * i);
            }
            keepThoseThatBeginSo(before);
        }
    }

    private void readMeta(long address) {
        long offset = reader.find(address, Meta.SIZE);
        if (offset < 0) {
            harm(address, "the meta at 0x%x can't be read".formatted(address));
            return;
        }
        meta.wrap(reader.segment(), offset, address);
        long group = meta.mem();
        long itsBits = meta.bits();
        long next = meta.next();
        long prev = meta.prev();
        int mask = meta.availMask() | meta.freedMask();
        if (group == 0 && itsBits == 0) {
            return;
        }
        boolean possible = Groups.possible(itsBits, pageSize);
        boolean mapped = possible
                && group > 0
                && (group & (Groups.isMapped(itsBits) ? MallocngLayout.MAP_UNIT : MallocngLayout.UNIT) - 1) == 0
                && mappings.writable(group, Groups.size(itsBits));
        if (!mapped) {
            harmGroup(address, group, possible ? "is not mapped" : "can't be");
            return;
        }
        if ((next != 0 || prev != 0)
                && !(isRing(next, MallocngLayout.PREV, address) && isRing(prev, MallocngLayout.NEXT, address))) {
            harm(address, "the meta at 0x%x is not in its place in a ring".formatted(address));
        }
        take(group, address, itsBits, mask);
    }

    private void harmGroup(long address, long group, String why) {
        harm(address, "the meta at 0x%x describes a group at 0x%x that %s".formatted(address, group, why));
    }

    /** Of the groups that were taken since, keeps those that begin with the addresses of their metas. */
    private void keepThoseThatBeginSo(int before) {
        int asked = 0;
        for (int row = before; row < count; row++) {
            sure[row - before] = known.find(metas[row], groups[row], bits[row]);
            if (sure[row - before]) {
                headers[row] = known.header();
            } else {
                int header = Groups.isNested(bits[row]) ? MallocngLayout.HEADER : 0;
                starts[asked] = groups[row] - header;
                lengths[asked++] = header + FIRST_WORD;
            }
        }
        // They lie anywhere: one by one, each would take a page.
        reader.memory().readRanges(starts, lengths, asked, words, got);
        int kept = before;
        int next = 0;
        long at = 0;
        for (int row = before; row < count; row++) {
            if (sure[row - before]) {
                keep(kept++, row, headers[row]);
                continue;
            }
            long end = at + lengths[next];
            if (got[next] == lengths[next] && words.get(Words.LONG, end - Long.BYTES) == metas[row]) {
                keep(kept++, row, words.get(Words.INT, at));
            } else {
                leftOut += Groups.size(bits[row]);
                harmGroup(metas[row], groups[row], "does not begin with its address");
            }
            at = end;
            next++;
        }
        count = kept;
    }

    private void keep(int place, int row, int header) {
        groups[place] = groups[row];
        metas[place] = metas[row];
        bits[place] = bits[row];
        masks[place] = masks[row];
        headers[place] = header;
    }

    /** What a later look need not read again. */
    KnownGroups known() {
        return new KnownGroups(metas, groups, bits, headers, count);
    }

    private boolean isRing(long other, long back, long address) {
        return isArea(other & -MallocngLayout.AREA_SIZE) && reader.readLong(other + back, 0) == address;
    }

    private boolean isArea(long address) {
        return knownAreas.get(address, 0) != 0;
    }

    private void take(long group, long address, long itsBits, int mask) {
        if (count == groups.length) {
            groups = Arrays.copyOf(groups, 2 * count);
            metas = Arrays.copyOf(metas, 2 * count);
            bits = Arrays.copyOf(bits, 2 * count);
            masks = Arrays.copyOf(masks, 2 * count);
            headers = Arrays.copyOf(headers, 2 * count);
        }
        groups[count] = group;
        metas[count] = address;
        bits[count] = itsBits;
        masks[count] = mask;
        count++;
    }

    /** Puts groups and areas in order. */
    GroupTable table() {
        int[] order = AddressOrder.of(groups, count);
        dropped = new boolean[count];
        dropOverlapping(order);
        long[] areasInOrder = areas.stream().mapToLong(Long::longValue).toArray();
        int nextArea = 0;
        for (int row : order) {
            if (dropped[row]) {
                continue;
            }
            while (depth > 0 && end(open[depth - 1]) <= groups[row]) {
                close();
            }
            if (depth > 0 && !enter(row)) {
                continue;
            }
            for (; depth == 0 && nextArea < areasInOrder.length && areasInOrder[nextArea] < groups[row]; nextArea++) {
                table.addArea(areasInOrder[nextArea]);
            }
            open[depth] = row;
            nextSlots[depth++] = 0;
        }
        while (depth > 0) {
            close();
        }
        for (; nextArea < areasInOrder.length; nextArea++) {
            table.addArea(areasInOrder[nextArea]);
        }
        return table;
    }

    /** Of two groups that lie in each other, though the second has a mapping, the first is longer than it may be. */
    private void dropOverlapping(int[] order) {
        int before = -1;
        for (int row : order) {
            if (Groups.isNested(bits[row])) {
                continue;
            }
            if (before >= 0 && end(before) > groups[row]) {
                drop(before, "reaches into the group at 0x%x".formatted(groups[row]));
            }
            before = row;
        }
    }

    private void drop(int row, String why) {
        dropped[row] = true;
        leftOut += Groups.slotBytes(bits[row]);
        harm(metas[row], "the group of %d bytes at 0x%x %s".formatted(Groups.size(bits[row]), groups[row], why));
    }

    private long end(int row) {
        return groups[row] + MallocngLayout.STORAGE + Groups.slotBytes(bits[row]);
    }

    /** Goes into a slot of the group that is open, if it has this group. */
    private boolean enter(int row) {
        int outer = open[depth - 1];
        long stride = Groups.stride(bits[outer]);
        long storage = groups[outer] + MallocngLayout.STORAGE;
        int slot = (int) ((groups[row] - storage) / stride);
        int header = headers[row];
        if (depth == DEEPEST
                || slot < nextSlots[depth - 1]
                || !Groups.isNested(bits[row])
                || (header >>> 8 & 31) != slot
                || (header >>> 13 & 7) != HAS_GROUP
                || groups[row] + Groups.size(bits[row]) > storage + (slot + 1) * stride
                || SizeClasses.ofStride(Groups.size(bits[row])) != Groups.sizeClass(bits[outer])) {
            drop(row, "lies in the group at 0x%x, but in no slot that has it".formatted(groups[outer]));
            return false;
        }
        addSlots(outer, nextSlots[depth - 1], slot);
        nextSlots[depth - 1] = slot + 1;
        return true;
    }

    private void close() {
        depth--;
        addSlots(open[depth], nextSlots[depth], Groups.lastIdx(bits[open[depth]]) + 1);
    }

    private void addSlots(int row, int from, int to) {
        if (from < to) {
            table.addSlots(groups[row], metas[row], bits[row], masks[row], Groups.stride(bits[row]), from, to - from);
        }
    }

    /** How many slots of each size class there are, but for memory that was donated. */
    long[] slots() {
        long[] slots = new long[MallocngLayout.CLASSES];
        for (int i = 0; i < count; i++) {
            int sizeClass = Groups.sizeClass(bits[i]);
            if (sizeClass < slots.length && !Groups.isDonated(bits[i])) {
                slots[sizeClass] += Groups.lastIdx(bits[i]) + 1;
            }
        }
        return slots;
    }

    int groups() {
        return count;
    }

    /** All that was taken from the kernel or from the dynamic linker, but for the areas of metas. */
    long systemBytes() {
        long bytes = 0;
        for (int i = 0; i < count; i++) {
            bytes += dropped[i] || Groups.isNested(bits[i]) ? 0 : Groups.size(bits[i]);
        }
        return bytes;
    }

    /** Whether an address is that of a meta whose group is of a size class. */
    boolean isMeta(long address, int sizeClass) {
        long ofArea = address & -MallocngLayout.AREA_SIZE;
        return isArea(ofArea)
                && (address - ofArea - MallocngLayout.SLOTS) % Meta.SIZE == 0
                && Groups.sizeClass(reader.readLong(address + MallocngLayout.BITS, 0)) == sizeClass;
    }
}
