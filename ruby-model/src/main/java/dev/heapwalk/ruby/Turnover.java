// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.ruby.layout.Flags;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * How much of a heap changed while a process that runs on was read: the slots whose first words are not what they were,
 * as where an object came, went, or became another one. Of an object that became another one a byte is noted, so that
 * one change in 128 is not seen.
 */
public final class Turnover {
    /** Bits of the flags that the collector itself changes. */
    private static final long AGE = Flags.PROMOTED0 | Flags.PROMOTED;

    private static final long MIX = 0x9e3779b97f4a7c15L;

    /** Words of a slot behind its flags and class: each has five words or more. */
    private static final int THIRD = 2;

    private static final int FOURTH = 3;

    /** What no object is noted as. */
    private static final byte NONE = 0;

    private static final byte[] NO_SLOTS = {};

    /**
     * A difference between two moments.
     *
     * @param slots how many slots differ
     * @param made how many of them held no object before and hold one now
     * @param objects how many objects there were, at that moment of the two at which there were more
     */
    public record Change(long slots, long made, long objects) {
        /**
         * The share of the heap that changed.
         *
         * @return a number from 0 to 1
         */
        public double share() {
            return objects == 0 ? 0 : Math.min(1, (double) slots / objects);
        }
    }

    /** What the slots of each page hold, by where its first slot begins. */
    private final Map<Long, byte[]> pages = new HashMap<>();

    private long objects;

    private Turnover(RubyVm vm) {
        ObjectReader reader = vm.sampler();
        try (SlotCursor slot = vm.slots(reader)) {
            int last = -1;
            byte[] kinds = {};
            long start = 0;
            while (slot.next()) {
                int page = slot.page();
                if (page != last) {
                    last = page;
                    kinds = new byte[vm.pages().slots(page)];
                    start = vm.pages().start(page);
                    pages.put(start, kinds);
                }
                byte kind = kind(slot);
                kinds[(int) ((slot.address() - start) / slot.slotSize())] = kind;
                objects += kind == NONE ? 0 : 1;
            }
        } finally {
            reader.memory().close();
        }
    }

    /**
     * Notes what each slot holds, a byte for each.
     *
     * @param vm a virtual machine, located or refreshed just now
     * @return what {@link #until} compares with
     */
    public static Turnover from(RubyVm vm) {
        return new Turnover(vm);
    }

    /**
     * Compares with what each slot holds now.
     *
     * @param vm the same virtual machine, refreshed just now
     * @return the difference
     */
    public Change until(RubyVm vm) {
        Turnover now = new Turnover(vm);
        long slots = 0;
        long made = 0;
        for (long page : union(pages.keySet(), now.pages.keySet())) {
            byte[] before = pages.getOrDefault(page, NO_SLOTS);
            byte[] after = now.pages.getOrDefault(page, NO_SLOTS);
            for (int i = 0; i < Math.max(before.length, after.length); i++) {
                byte was = at(before, i);
                byte is = at(after, i);
                slots += was == is ? 0 : 1;
                made += was == NONE && is != NONE ? 1 : 0;
            }
        }
        return new Change(slots, made, Math.max(objects, now.objects));
    }

    private static Set<Long> union(Set<Long> some, Set<Long> others) {
        Set<Long> all = new HashSet<>(some);
        all.addAll(others);
        return all;
    }

    private static byte at(byte[] kinds, int index) {
        return index < kinds.length ? kinds[index] : NONE;
    }

    /** A hash of what a slot holds, which is never that of none. */
    private static byte kind(SlotCursor slot) {
        if (slot.state() != SlotState.LIVE) {
            return NONE;
        }
        long mixed = slot.flags() & ~AGE;
        mixed = (mixed ^ slot.klass()) * MIX;
        mixed = (mixed ^ slot.word(THIRD)) * MIX;
        mixed = (mixed ^ slot.word(FOURTH)) * MIX;
        return (byte) (mixed >>> 56 | 1);
    }
}
