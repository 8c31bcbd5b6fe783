// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

/** Extents of memory of which nothing is known but what is mapped readable. */
final class MappedExtents implements Extents {
    private final AddressSpace memory;
    private long end;

    MappedExtents(AddressSpace memory) {
        this.memory = memory;
    }

    @Override
    public Kind kind(long address, long limit) {
        long next = memory.nextReadable(address, limit);
        if (next != address) {
            end = next;
            return Kind.ELSEWHERE;
        }
        end = memory.mappings().readableEnd(address, limit);
        return Kind.AT_HAND;
    }

    @Override
    public long end() {
        return end;
    }
}
