// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.BlockView;
import dev.heapwalk.python.PymallocCursor;
import dev.heapwalk.python.PymallocPart;
import dev.heapwalk.python.PythonRuntime;

/** A part of an arena as a block. */
abstract class PartView implements BlockView {
    /** By the number of the part. */
    private static final BlockState[] STATES = new BlockState[PymallocPart.values().length];

    private static final String[] NAMES = new String[STATES.length];

    static {
        for (PymallocPart part : PymallocPart.values()) {
            NAMES[part.ordinal()] = PythonHeap.nameOf(part);
            STATES[part.ordinal()] = switch (part) {
                case USED_BLOCK -> BlockState.USED;
                case FREE_BLOCK, FREE_POOL -> BlockState.FREE;
                default -> BlockState.RESERVED;
            };
        }
    }

    PythonRuntime runtime;
    PymallocCursor parts;
    /** How much of a block in use lies before and behind what was asked for. */
    private int head;

    private int around;

    void over(PythonRuntime now, PymallocCursor cursor) {
        runtime = now;
        parts = cursor;
        head = PythonHeap.debugHead(now);
        around = PythonHeap.debugBytes(now);
    }

    private boolean hasHead() {
        return head != 0 && parts.part() == PymallocPart.USED_BLOCK;
    }

    @Override
    public final long address() {
        return hasHead() ? parts.address() + head : parts.address();
    }

    @Override
    public final long size() {
        return parts.size();
    }

    @Override
    public final long usableSize() {
        return hasHead() ? Math.max(0, parts.size() - around) : parts.size();
    }

    @Override
    public final BlockState state() {
        return STATES[parts.part().ordinal()];
    }

    @Override
    public final int nameIndex() {
        return parts.part().ordinal();
    }

    @Override
    public final String name() {
        return NAMES[parts.part().ordinal()];
    }

    @Override
    public final int region() {
        return parts.arena();
    }

    @Override
    public final boolean ownMapping() {
        return false;
    }
}
