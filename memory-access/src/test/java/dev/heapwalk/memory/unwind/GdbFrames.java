// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.unwind;

import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.testkit.Gdb;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Holds frames against those that gdb told, and counts the threads that agree. */
final class GdbFrames {
    private static final Pattern SYMBOL = Pattern.compile("^(\\S.*?)(?: \\+ (\\d+))?(?: in section .*)$");

    private final Map<Integer, List<Gdb.Frame>> told;
    private final List<String> differences = new ArrayList<>();
    private int agreeing;
    private int lost;
    private int frames;

    GdbFrames(Map<Integer, List<Gdb.Frame>> told) {
        this.told = told;
    }

    /** Looks at the threads of a target that are where gdb has seen them. */
    void check(Target target) {
        agreeing = 0;
        lost = 0;
        frames = 0;
        differences.clear();
        try (FrameCursor cursor = FrameCursor.of(target)) {
            for (ThreadState thread : target.threads()) {
                List<Gdb.Frame> expected = told.get((int) thread.tid());
                boolean works = target.mode() != Target.Mode.CORE && thread.mayChangeMemory();
                if (expected == null
                        || works
                        || thread.registers().orElseThrow().programCounter()
                                != expected.getFirst().programCounter()) {
                    continue;
                }
                if (isLost(target, thread)) {
                    lost++;
                    continue;
                }
                List<Frame> found = cursor.frames(thread);
                String difference = difference(found, expected);
                if (difference.isEmpty()) {
                    agreeing++;
                    frames += found.size();
                } else {
                    differences.add("%s: %s, ended since %s\n  found %s\n  gdb %s"
                            .formatted(
                                    thread,
                                    difference,
                                    cursor.end(),
                                    found.stream().map(GdbFrames::text).toList(),
                                    expected.stream().map(GdbFrames::text).toList()));
                }
            }
        }
        System.out.println("%s: %s".formatted(target.description(), this));
    }

    private static String text(Frame frame) {
        return "\n    0x%x 0x%x %s"
                .formatted(
                        frame.programCounter(),
                        frame.callFrameAddress(),
                        frame.function().map(symbol -> symbol.name()).orElse("?"));
    }

    private static String text(Gdb.Frame frame) {
        return "\n    0x%x 0x%x %s".formatted(frame.programCounter(), frame.address(), frame.symbol());
    }

    private static String difference(List<Frame> found, List<Gdb.Frame> expected) {
        boolean exact = true;
        List<Gdb.Frame> real = expected;
        if (beginsByHand(found)) {
            // gdb takes what lies behind for more frames.
            real = expected.subList(0, Math.min(found.size(), expected.size()));
        }
        if (real.size() > found.size() && real.getLast().programCounter() == 0) {
            // A stack that a program made itself, for a fiber, may end with the address 0.
            real = real.subList(0, real.size() - 1);
        }
        for (int i = 0; i < Math.min(found.size(), real.size()); i++) {
            Frame frame = found.get(i);
            Gdb.Frame other = expected.get(i);
            if (frame.programCounter() != other.programCounter()) {
                return "frame %d is elsewhere".formatted(i);
            }
            boolean last = beginsByHand(found) && i == found.size() - 1;
            boolean here = exact || frame.signal() || last;
            if (!last
                    && other.address() != 0
                    && frame.callFrameAddress() != other.address()
                    && !(i == 0 && isAtReturn(frame, other))) {
                return "frame %d begins elsewhere".formatted(i);
            }
            Matcher symbol = SYMBOL.matcher(here ? other.symbol() : other.symbolBefore());
            if (symbol.matches() && !symbol.group(1).endsWith("@plt")) {
                long offset = symbol.group(2) == null ? 0 : Long.parseLong(symbol.group(2));
                long start = frame.programCounter() - (here ? 0 : 1) - offset;
                if (frame.function().filter(own -> own.address() == start).isEmpty()) {
                    return "frame %d has another function: %s, not %s".formatted(i, frame.function(), symbol.group());
                }
            } else if (frame.function().isPresent() && !other.symbol().contains("@plt")) {
                return "frame %d has a function, %s".formatted(i, frame.function());
            }
            exact = frame.signal();
        }
        return found.size() == real.size() ? "" : "%d frames, not %d".formatted(found.size(), real.size());
    }

    /** gdb before 11 is wrong by a word where a function is about to return, which it sees by the instruction. */
    private static boolean isAtReturn(Frame frame, Gdb.Frame other) {
        return frame.callFrameAddress() == frame.stackPointer() + Long.BYTES && other.address() == frame.stackPointer();
    }

    /** Whether the outermost frame is that of a stack that {@code makecontext} made. */
    private static boolean beginsByHand(List<Frame> found) {
        return found.getLast()
                .function()
                .filter(symbol -> symbol.name().equals("__start_context"))
                .isPresent();
    }

    /**
     * Whether the core has nothing of the stack: gdb writes zeros for a mapping of which it can't read the beginning,
     * and since glibc 2.42 the page that guards a stack may be of the same mapping.
     */
    private static boolean isLost(Target target, ThreadState thread) {
        long top = thread.registers().orElseThrow().stackPointer();
        for (long at = top; at < top + 1024; at += Long.BYTES) {
            if (target.memory().readLong(at) != 0) {
                return false;
            }
        }
        return target.mode() == Target.Mode.CORE;
    }

    int lost() {
        return lost;
    }

    int threads() {
        return told.size();
    }

    int differing() {
        return differences.size();
    }

    int agreeing() {
        return agreeing;
    }

    @Override
    public String toString() {
        return "%d threads agree with gdb, with %d frames; %d have no stack in the core, %d differ %s"
                .formatted(agreeing, frames, lost, differences.size(), String.join("\n", differences));
    }
}
