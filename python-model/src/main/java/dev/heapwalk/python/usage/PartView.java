// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.usage.Categorized;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.python.PymallocCursor;
import dev.heapwalk.python.PymallocPart;
import dev.heapwalk.python.PythonRuntime;

/** A part of an arena as a block. */
abstract class PartView implements Categorized {
    /** By the number of the part. */
    private static final BlockState[] STATES = new BlockState[PymallocPart.values().length];

    private static final String[] NAMES = new String[STATES.length];

    private static final Category[] CATEGORIES = new Category[STATES.length];

    static {
        for (PymallocPart part : PymallocPart.values()) {
            CATEGORIES[part.ordinal()] = category(part);
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

    /** What an object needs or owns is known to none but who looks at all objects. */
    private static Category category(PymallocPart part) {
        String detail = switch (part) {
            case USED_BLOCK -> "";
            case FREE_BLOCK -> "free block";
            case UNTOUCHED_BLOCK -> "block never used";
            case POOL_HEADER -> "pool header";
            case POOL_REST -> "end of a pool";
            case FREE_POOL -> "free pool";
            case UNCARVED -> "room for pools";
            case ARENA_MARGIN -> "end of an arena";
            case DAMAGED_POOL -> "damaged pool";
        };
        return detail.isEmpty() ? Category.NONE : TypeUses.category("pymalloc", detail);
    }

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
    public final Category category() {
        return CATEGORIES[parts.part().ordinal()];
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
