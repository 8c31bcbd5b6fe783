// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.layout.LeftoverLayout;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.TypeLayout;
import java.util.List;

/**
 * Walks the objects of the types {@code int} and {@code float} of 2.7, of which many lie in one block. A free one has a
 * link to another in place of its type.
 */
final class NumberBlocks implements AutoCloseable {
    private static final List<String> NAMES = List.of("int", "float");
    private static final int LONGEST_NAME = 8;

    private final List<Heap> allocators;
    private final Reader memory;
    private final TypeTable types;
    private BlockCursor blocks;
    private int allocator;
    private long first;
    private int slot = LeftoverLayout.NUMBERS;
    private long typeAddress;
    private long address;

    NumberBlocks(List<Heap> allocators, Reader memory, TypeTable types) {
        this.allocators = allocators;
        this.memory = memory;
        this.types = types;
    }

    boolean next() {
        do {
            while (slot < LeftoverLayout.NUMBERS) {
                address = first + (long) slot++ * LeftoverLayout.NUMBER_BYTES;
                if (memory.readLong(address + ObjectLayout.TYPE, 0) == typeAddress) {
                    return true;
                }
            }
        } while (nextBlock());
        return false;
    }

    private boolean nextBlock() {
        while (true) {
            if (blocks == null) {
                if (allocator == allocators.size()) {
                    return false;
                }
                blocks = allocators.get(allocator++).blocks();
            }
            while (blocks.next()) {
                if (blocks.state() == BlockState.USED
                        && LeftoverLayout.mayHaveNumbers(blocks.usableSize())
                        && holdsNumbers(blocks.address() + LeftoverLayout.FIRST_NUMBER)) {
                    first = blocks.address() + LeftoverLayout.FIRST_NUMBER;
                    slot = 0;
                    return true;
                }
            }
            close();
        }
    }

    /** Whether all are numbers of one type, or free. */
    private boolean holdsNumbers(long from) {
        typeAddress = 0;
        for (int i = 0; i < LeftoverLayout.NUMBERS; i++) {
            long word = memory.readLong(from + (long) i * LeftoverLayout.NUMBER_BYTES + ObjectLayout.TYPE, -1);
            if (types.number(word) < 0) {
                if ((word & 7) != 0) {
                    return false;
                }
            } else if (typeAddress == 0) {
                if (!NAMES.contains(memory.readCString(memory.readLong(word + TypeLayout.TP_NAME, 0), LONGEST_NAME, ""))
                        || !types.isStatic(word)) {
                    return false;
                }
                typeAddress = word;
            } else if (word != typeAddress) {
                return false;
            }
        }
        return typeAddress != 0;
    }

    /** Target address of the number. */
    long address() {
        return address;
    }

    /** Target address of its type. */
    long type() {
        return typeAddress;
    }

    void rewind() {
        close();
        allocator = 0;
        slot = LeftoverLayout.NUMBERS;
    }

    @Override
    public void close() {
        if (blocks != null) {
            blocks.close();
            blocks = null;
        }
    }
}
