// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph.root;

import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.elf.ElfSymbol;
import dev.heapwalk.memory.unwind.FrameCursor;
import dev.heapwalk.memory.unwind.StackEnd;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The frames of a thread and the stacks that they lie on: one, or several where a signal handler runs on a stack of its
 * own.
 */
final class StackFrames implements WordName {
    /** The frame that the kernel makes for a handler is shorter. */
    private static final long SIGNAL_FRAME = 16 << 10;

    /** A stretch of a stack, and the frames on it. */
    private record Piece(Range range, int firstFrame, int behindFrame) {}

    private record Place(long stackPointer, long code, Optional<ElfModule> module, boolean signal) {}

    private final List<Place> frames = new ArrayList<>();
    private final List<Piece> pieces = new ArrayList<>();
    private final StackEnd end;
    /** Where the outermost frame begins, 0 if that is not known. */
    private long outermost;

    private StackFrames(FrameCursor cursor) {
        while (cursor.next()) {
            outermost = cursor.callFrameAddress();
            frames.add(new Place(cursor.stackPointer(), cursor.place(), cursor.module(), cursor.signal()));
        }
        end = cursor.end();
    }

    /** Goes through the frames of a thread. */
    static StackFrames of(ThreadState thread, FrameCursor cursor) {
        StackFrames all = new StackFrames(cursor.over(thread));
        all.findPieces(thread);
        return all;
    }

    private void findPieces(ThreadState thread) {
        int first = 0;
        while (first < frames.size()) {
            Optional<Range> found = thread.stackFrom(frames.get(first).stackPointer);
            if (found.isEmpty()) {
                return;
            }
            Range range = found.get();
            int behind = first + 1;
            while (behind < frames.size() && isAbove(frames.get(behind), frames.get(behind - 1), range)) {
                behind++;
            }
            boolean whole = end == StackEnd.OUTERMOST || end == StackEnd.NO_CALLER;
            if (behind == frames.size() && whole && range.contains(outermost) && !isOwn(thread, range)) {
                // Behind a stack that the program has made there may be anything.
                range = new Range(range.start(), outermost);
            }
            if (behind < frames.size()) {
                // The handler's stack is in use up to what the kernel left there.
                long used = frames.get(behind - 1).stackPointer + SIGNAL_FRAME;
                range = new Range(range.start(), Math.min(range.end(), used));
            }
            pieces.add(new Piece(range, first, behind));
            first = behind;
        }
    }

    private static boolean isOwn(ThreadState thread, Range range) {
        return thread.ownStack()
                .map(own -> own.contains(range.start()))
                .orElse(thread.tid() == thread.target().threads().getFirst().tid());
    }

    private static boolean isAbove(Place outer, Place inner, Range range) {
        return !inner.signal || range.contains(outer.stackPointer) && outer.stackPointer > inner.stackPointer;
    }

    /** What is in use of stacks, in no order. */
    List<Range> ranges() {
        return pieces.stream().map(Piece::range).toList();
    }

    /** Why there are no more frames. */
    StackEnd end() {
        return end;
    }

    int count() {
        return frames.size();
    }

    @Override
    public void append(long address, StringBuilder text) {
        for (Piece piece : pieces) {
            if (piece.range.contains(address)) {
                append(piece, address, text);
                return;
            }
        }
        text.append("not in use now");
    }

    private void append(Piece piece, long address, StringBuilder text) {
        int frame = piece.firstFrame;
        // What lies below the first one's stack pointer is its red zone.
        while (frame + 1 < piece.behindFrame && frames.get(frame + 1).stackPointer <= address) {
            frame++;
        }
        if (frame == frames.size() - 1 && end != StackEnd.OUTERMOST) {
            text.append("frame ").append(frame).append(" or its callers");
        } else {
            text.append("frame ").append(frame);
        }
        Place place = frames.get(frame);
        Optional<ElfSymbol> function = place.module.flatMap(module -> module.symbolAt(place.code));
        if (place.signal) {
            text.append(", signal");
        } else if (function.isPresent()) {
            text.append(", ").append(function.get().name());
        } else if (place.module.isPresent()) {
            text.append(", ").append(place.module.get().path());
        }
    }
}
