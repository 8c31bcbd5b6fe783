// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.PythonInterpreter;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.PythonThread;
import dev.heapwalk.python.layout.FreeingLayout;
import dev.heapwalk.python.layout.InterpreterLayout;

/**
 * Finds the blocks that a program has given back and that are freed as soon as no other thread can be reading them, in
 * a build without the global interpreter lock. Their allocator has them in use.
 */
final class DelayedFrees {
    private static final int MOST_CHUNKS = 1 << 20;

    private final UseTable table;
    private final Reader memory;
    private final FreeingLayout layout;
    private final int waiting;
    private final int queue;

    DelayedFrees(UseTable table, Reader memory, FreeingLayout layout) {
        this.table = table;
        this.memory = memory;
        this.layout = layout;
        this.waiting = table.number(TypeUses.category("waits to be freed", ""));
        this.queue = table.number(TypeUses.category("interpreter", "queue of what waits to be freed"));
    }

    /** Gives those a use that nobody owns. */
    void find(PythonRuntime runtime) {
        if (layout.thread() < 0) {
            return;
        }
        for (PythonInterpreter interpreter : runtime.interpreters()) {
            take(near(interpreter.address() + layout.interpreter()));
            for (PythonThread thread : interpreter.threads()) {
                take(near(thread.address() + layout.thread()));
            }
        }
    }

    /** The head of a list with chunks in it, where the layout has it or as near to it as it is; 0 if there is none. */
    private long near(long place) {
        if (isEmpty(place)) {
            return 0;
        }
        for (int distance = 0; distance <= InterpreterLayout.FARTHEST; distance += Long.BYTES) {
            for (int some : new int[] {-distance, distance}) {
                if (isQueue(place + some)) {
                    return place + some;
                }
            }
        }
        return 0;
    }

    private boolean isEmpty(long head) {
        return memory.readLong(head + FreeingLayout.NEXT, 0) == head
                && memory.readLong(head + FreeingLayout.PREV, 0) == head;
    }

    private boolean isQueue(long head) {
        long first = memory.readLong(head + FreeingLayout.NEXT, 0);
        return first != head && isChunk(first, head) && isChunk(memory.readLong(head + FreeingLayout.PREV, 0), -1);
    }

    /** Whether a chunk lies at an address, behind another one or the head of the list if that is not negative. */
    private boolean isChunk(long address, long before) {
        if (address == 0 || (address & 7) != 0 || memory.find(address, FreeingLayout.ITEMS) < 0) {
            return false;
        }
        long first = memory.readLong(address + FreeingLayout.FIRST, -1);
        long end = memory.readLong(address + FreeingLayout.END, -1);
        return first >= 0
                && first <= end
                && end <= FreeingLayout.MOST
                && (before < 0 || memory.readLong(address + FreeingLayout.PREV, 0) == before);
    }

    private void take(long head) {
        if (head == 0) {
            return;
        }
        long before = head;
        long chunk = memory.readLong(head + FreeingLayout.NEXT, 0);
        for (int i = 0; i < MOST_CHUNKS && chunk != head && isChunk(chunk, before); i++) {
            give(chunk, queue);
            long end = memory.readLong(chunk + FreeingLayout.END, 0);
            for (long item = memory.readLong(chunk + FreeingLayout.FIRST, 0); item < end; item++) {
                long pointer = memory.readLong(chunk + FreeingLayout.ITEMS + item * FreeingLayout.ITEM, 0);
                give(pointer & ~FreeingLayout.OBJECT, waiting);
            }
            before = chunk;
            chunk = memory.readLong(chunk + FreeingLayout.NEXT, 0);
        }
    }

    private void give(long address, int use) {
        long block = table.block(address);
        if (address != 0 && table.get(block) == UseTable.UNKNOWN) {
            table.put(block, use);
        }
    }
}
