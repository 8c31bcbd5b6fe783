// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * One pass over every slot of a Ruby heap, as {@link SlotCursor} does it and as the same loop does it in C. Over a
 * process a pass copies the memory too; over a core it is the walk alone.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(value = 2, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 8, time = 1)
public class SlotWalk implements Subject {

    /** Where the heap is read from. */
    @Param({"process", "core"})
    public String source;

    /** How many objects the program holds, beside those of the interpreter. */
    @Param("1000000")
    public int objects;

    /** What it is like: {@code fresh} or {@code fragmented}. */
    @Param("fragmented")
    public String heap;

    private BenchmarkTarget opened;
    private SlotWalkFloor floor;
    private CopyFloor copy;
    private SlotCursor slot;
    private final long[] slots = new long[RubyType.values().length];
    private long live;
    private long bytes;

    /** Made by JMH, which sets the parameters. */
    public SlotWalk() {}

    SlotWalk(String source, String heap, int objects) {
        this.source = source;
        this.heap = heap;
        this.objects = objects;
    }

    /**
     * Starts the program, opens it, and holds both walks against each other.
     *
     * @throws Exception if the program can't be started or read
     */
    @Setup
    @Override
    public void open() throws Exception {
        opened = BenchmarkTarget.ruby(source, BenchmarkTarget.ruby(heap, objects));
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
    @TearDown
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

    /**
     * The cursor.
     *
     * @return bytes in live slots
     */
    @Benchmark
    public long java() {
        walk();
        return bytes;
    }

    /**
     * The same loop in C.
     *
     * @return bytes in live slots
     */
    @Benchmark
    public long c() {
        return floor.walk();
    }

    /**
     * The same in C, with its sums in registers.
     *
     * @return bytes in live slots
     */
    @Benchmark
    public long cInRegisters() {
        return floor.walkInRegisters();
    }

    /**
     * A plain copy of the pages.
     *
     * @return bytes
     */
    @Benchmark
    public long copy() {
        return copy.copy();
    }

    @Override
    public List<Lane> lanes() {
        return List.of(
                new Lane(JAVA, this::java),
                new Lane(C, this::c),
                new Lane(C_IN_REGISTERS, this::cInRegisters),
                new Lane(COPY, this::copy));
    }
}
