// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.memory.LongTable;
import dev.heapwalk.mimalloc.layout.MimallocLayout;
import java.util.ArrayList;
import java.util.List;

/** The heaps of threads that pages name. Pages of threads that ended belong to none of them, and count as one more. */
final class Owners {
    private final LongTable numbers = new LongTable();
    private final List<Owner> list = new ArrayList<>();

    /** A heap, and the thread that has it. */
    private static final class Owner {
        final long heap;
        final long thread;
        long pages;
        long bytes;

        Owner(long heap, long thread) {
            this.heap = heap;
            this.thread = thread;
        }
    }

    /**
     * The number of a heap, which has one more page; -1 for what mimalloc has for itself.
     *
     * @param heap target address of its structure
     * @param thread what the thread's pointer to its variables is, 0 if it ended
     * @param bytes the size of the page
     */
    int add(long heap, long thread, long bytes) {
        if (thread == MimallocLayout.OWN_THREAD) {
            return -1;
        }
        long key = thread == 0 ? 0 : heap;
        int number = (int) numbers.get(key, -1);
        if (number < 0) {
            number = list.size();
            numbers.put(key, number);
            list.add(new Owner(key, thread));
        }
        Owner owner = list.get(number);
        owner.pages++;
        owner.bytes += bytes;
        return number;
    }

    int count() {
        return list.size();
    }

    /** Target address of a heap's structure, 0 for pages that were abandoned. */
    long heap(int number) {
        return list.get(number).heap;
    }

    long thread(int number) {
        return list.get(number).thread;
    }

    long pages(int number) {
        return list.get(number).pages;
    }

    long bytes(int number) {
        return list.get(number).bytes;
    }
}
