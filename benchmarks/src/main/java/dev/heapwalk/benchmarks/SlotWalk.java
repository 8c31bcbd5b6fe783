// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * One pass over every slot of a Ruby heap, as {@link SlotCursor} does it and as the same loop does it in C. Over a
 * process a pass copies the memory too; over a core it is the walk alone.
 */
final class SlotWalk implements Subject.Ready {

    private final BenchmarkTarget opened;
    private final SlotWalkFloor floor;
    private final CopyFloor copy;
    private final SlotCursor slot;
    private final long[] slots = new long[RubyType.values().length];
    private long live;
    private long bytes;

    /** Walks over heaps of all makes and sizes. */
    static List<Subject<?>> subjects() {
        List<Subject<?>> all = new ArrayList<>();
        for (Source source : Source.values()) {
            for (RubyProgram program : List.of(RubyProgram.FRESH, RubyProgram.FRAGMENTED)) {
                all.add(walk(Suite.Set.QUICK, source, program, 10_000));
                all.add(walk(Suite.Set.SHORT, source, program, 1_000_000));
                all.add(walk(Suite.Set.FULL, source, program, 10_000_000));
            }
        }
        return all;
    }

    private static Subject<SlotWalk> walk(Suite.Set set, Source source, RubyProgram program, int objects) {
        Subject<SlotWalk> walk = Subject.of(
                        "SlotWalk/%s/%s/%s".formatted(source.label(), program.label(), Suite.count(objects)),
                        set,
                        () -> new SlotWalk(source, program, objects))
                .way(Way.JAVA, SlotWalk::java)
                .way(Way.C, SlotWalk::c)
                .way(Way.C_IN_REGISTERS, SlotWalk::cInRegisters)
                .way(Way.COPY, SlotWalk::copy);
        // Of a process a second thread reads ahead, so there it is the clock that counts.
        return source == Source.CORE ? walk.goal("c cpu", 1.05) : walk.goal("c wall", 1.10);
    }

    /** Starts the program, opens it, and holds both walks against each other. */
    private SlotWalk(Source source, RubyProgram program, int objects) throws IOException {
        opened = BenchmarkTarget.of(source, program, objects);
        RubyVm vm = RubyVm.locate(opened.target());
        floor = new SlotWalkFloor(vm);
        copy = new CopyFloor(floor.pid(), floor.ranges());
        slot = vm.slots();
        floor.walkInRegisters();
        long inRegisters = floor.bytes();
        floor.walk();
        walk();
        if (live != floor.live() || bytes != floor.bytes() || bytes != inRegisters) {
            throw new IllegalStateException("the cursor counts %,d live slots of %,d bytes, the floor %,d of %,d"
                    .formatted(live, bytes, floor.live(), floor.bytes()));
        }
        for (RubyType type : RubyType.values()) {
            if (type.tag() >= 0 && slots[type.ordinal()] != floor.slots(type.tag())) {
                throw new IllegalStateException("the cursor counts %,d slots of type %s, the floor %,d"
                        .formatted(slots[type.ordinal()], type.label(), floor.slots(type.tag())));
            }
        }
    }

    /** Ends the program. */
    @Override
    public void close() {
        copy.close();
        floor.close();
        opened.close();
    }

    /** Counts the slots by type, and the live ones and their bytes, as the floor does. */
    private void walk() {
        Arrays.fill(slots, 0);
        SlotCursor cursor = slot;
        long[] count = slots;
        long liveSlots = 0;
        long liveBytes = 0;
        cursor.rewind();
        while (cursor.next()) {
            count[cursor.type().ordinal()]++;
            if (cursor.state() == SlotState.LIVE) {
                liveSlots++;
                liveBytes += cursor.slotSize();
            }
        }
        live = liveSlots;
        bytes = liveBytes;
    }

    /** Walks by the cursor; returns the bytes in live slots. */
    private long java() {
        walk();
        return bytes;
    }

    /** Walks by the same loop in C; returns the bytes in live slots. */
    private long c() {
        return floor.walk();
    }

    /** Walks by the loop that keeps its sums in registers; returns the bytes in live slots. */
    private long cInRegisters() {
        return floor.walkInRegisters();
    }

    /** Copies the pages; returns the bytes. */
    private long copy() {
        return copy.copy();
    }
}
