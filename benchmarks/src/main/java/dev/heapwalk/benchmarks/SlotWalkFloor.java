// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.Window;
import dev.heapwalk.ruby.HeapPages;
import dev.heapwalk.ruby.RubyVm;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;

/** The walk of {@code slot_walk.c}, compiled here and fed with the pages that the discovery found. */
final class SlotWalkFloor extends Floor {
    private static final FunctionDescriptor SLOT_WALK = FunctionDescriptor.of(
            ValueLayout.JAVA_INT,
            ValueLayout.JAVA_INT,
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_LONG,
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_LONG,
            ValueLayout.ADDRESS);
    private static final int TYPES = 32;
    private static final int PAGE_WORDS = 6;

    private final MethodHandle slotWalk;
    private final MethodHandle inRegisters;
    private final MemorySegment pages;
    private final long count;
    private final MemorySegment tally;

    SlotWalkFloor(RubyVm vm) {
        super(pid(vm.target()));
        Target target = vm.target();
        HeapPages found = vm.pages();
        slotWalk = FloorLibrary.function("slot_walk.c", "slot_walk", SLOT_WALK, memory);
        inRegisters = FloorLibrary.function("slot_walk.c", "slot_walk_registers", SLOT_WALK, memory);
        count = found.count();
        pages = memory.allocate(ValueLayout.JAVA_LONG, count * PAGE_WORDS);
        Window window = target.memory().window();
        long at = 0;
        for (int page = 0; page < count; page++) {
            long length = (long) found.slotSize(page) * found.slots(page);
            pages.setAtIndex(ValueLayout.JAVA_LONG, at++, found.start(page));
            pages.setAtIndex(ValueLayout.JAVA_LONG, at++, found.body(page));
            pages.setAtIndex(ValueLayout.JAVA_LONG, at++, found.slotSize(page));
            pages.setAtIndex(ValueLayout.JAVA_LONG, at++, found.slots(page));
            long local = pid != 0 ? 0 : window.require(found.start(page), length);
            pages.setAtIndex(
                    ValueLayout.JAVA_LONG, at++, pid != 0 ? 0 : window.segment().address() + local);
            pages.setAtIndex(ValueLayout.JAVA_LONG, at++, found.beforeSweep(page) ? marks(vm, page) : 0);
        }
        tally = memory.allocate(ValueLayout.JAVA_LONG, TYPES + 2L);
    }

    private long marks(RubyVm vm, int page) {
        MemorySegment bits = memory.allocate(ValueLayout.JAVA_LONG, vm.pages().bitmapWords());
        vm.target().memory().readFully(vm.pages().markBits(page), bits);
        return bits.address();
    }

    /**
     * What is walked, for a plain copy of it: pages of a process as far as they follow each other, those of a core one
     * by one.
     */
    List<CopyFloor.Range> ranges() {
        List<CopyFloor.Range> ranges = new ArrayList<>();
        for (long at = 0; at < count * PAGE_WORDS; at += PAGE_WORDS) {
            long start = pages.getAtIndex(ValueLayout.JAVA_LONG, at);
            long length =
                    pages.getAtIndex(ValueLayout.JAVA_LONG, at + 2) * pages.getAtIndex(ValueLayout.JAVA_LONG, at + 3);
            long local = pages.getAtIndex(ValueLayout.JAVA_LONG, at + 4);
            CopyFloor.Range last = ranges.isEmpty() ? null : ranges.getLast();
            if (local == 0 && last != null && start - (last.address() + last.length()) < 1 << 13) {
                ranges.set(ranges.size() - 1, new CopyFloor.Range(last.address(), start + length - last.address(), 0));
            } else {
                ranges.add(new CopyFloor.Range(start, length, local));
            }
        }
        return ranges;
    }

    /** Walks once, with its sums in memory; returns the bytes of live slots. */
    long walk() {
        return walk(slotWalk);
    }

    /** The same with its sums in registers. */
    long walkInRegisters() {
        return walk(inRegisters);
    }

    private long walk(MethodHandle function) {
        int failed;
        try {
            failed = (int) function.invokeExact(pid, pages, count, buffer, WINDOW, tally);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
        if (failed != 0) {
            throw unreadable();
        }
        return bytes();
    }

    /** The slots of a type. */
    long slots(int tag) {
        return tally.getAtIndex(ValueLayout.JAVA_LONG, tag);
    }

    long live() {
        return tally.getAtIndex(ValueLayout.JAVA_LONG, TYPES);
    }

    long bytes() {
        return tally.getAtIndex(ValueLayout.JAVA_LONG, TYPES + 1L);
    }
}
