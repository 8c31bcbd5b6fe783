// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The mapped ranges of a target, in address order. Immutable. */
public final class Mappings implements Iterable<Mapping> {
    private final List<Mapping> list;
    private final long[] starts;

    /**
     * Takes ranges that don't overlap.
     *
     * @param ranges in any order
     */
    public Mappings(List<Mapping> ranges) {
        list = ranges.stream()
                .sorted(Comparator.comparingLong(mapping -> mapping.start() + Long.MIN_VALUE))
                .toList();
        starts = list.stream()
                .mapToLong(mapping -> mapping.start() + Long.MIN_VALUE)
                .toArray();
    }

    private int index(long address) {
        int low = 0;
        int high = starts.length - 1;
        long key = address + Long.MIN_VALUE;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            if (starts[middle] <= key) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return high;
    }

    /**
     * The range that holds an address.
     *
     * @param address a target address
     * @return the range, if the address is mapped
     */
    public Optional<Mapping> at(long address) {
        int index = index(address);
        return index >= 0 && list.get(index).contains(address) ? Optional.of(list.get(index)) : Optional.empty();
    }

    /**
     * Whether every byte of a range is mapped readable, in one mapping or in several neighbours. Allocates nothing.
     *
     * @param address target address of the first byte
     * @param length bytes; a negative one is never mapped
     * @return whether it is
     */
    public boolean readable(long address, long length) {
        return covered(address, length, false);
    }

    /**
     * Whether every byte of a range is mapped readable and writable. Allocates nothing.
     *
     * @param address target address of the first byte
     * @param length bytes; a negative one is never mapped
     * @return whether it is
     */
    public boolean writable(long address, long length) {
        return covered(address, length, true);
    }

    /**
     * Whether an address is mapped for code. Allocates nothing.
     *
     * @param address a target address
     * @return whether it is
     */
    public boolean executable(long address) {
        int index = index(address);
        return index >= 0
                && list.get(index).contains(address)
                && list.get(index).executable();
    }

    private boolean covered(long address, long length, boolean writable) {
        int index = index(address);
        if (index < 0 || length < 0 || Long.compareUnsigned(address + length, address) < 0) {
            return false;
        }
        long at = address;
        long end = address + length;
        while (index < starts.length) {
            Mapping mapping = list.get(index++);
            if (!mapping.contains(at) || !mapping.readable() || (writable && !mapping.writable())) {
                return false;
            }
            at = mapping.end();
            if (Long.compareUnsigned(at, end) >= 0) {
                return true;
            }
        }
        return false;
    }

    /**
     * How far memory is mapped readable from an address on, in one mapping or in several neighbours. Allocates nothing.
     *
     * @param address a target address
     * @param limit the target address behind the last byte of interest
     * @return the first address that is not mapped readable, {@code limit} at most; {@code address} if it is not itself
     */
    public long readableEnd(long address, long limit) {
        int index = index(address);
        long at = address;
        while (index >= 0 && index < starts.length && Long.compareUnsigned(at, limit) < 0) {
            Mapping mapping = list.get(index++);
            if (!mapping.contains(at) || !mapping.readable()) {
                return at;
            }
            at = mapping.end();
        }
        return Long.compareUnsigned(at, limit) < 0 ? at : limit;
    }

    /**
     * How far memory is mapped readable before an address. Allocates nothing.
     *
     * @param address a target address
     * @param limit the lowest target address of interest
     * @return the lowest address, {@code limit} at least, from which on everything before {@code address} is mapped
     *     readable
     */
    public long readableStart(long address, long limit) {
        long at = address;
        for (int index = index(address - 1); index >= 0 && Long.compareUnsigned(at, limit) > 0; index--) {
            Mapping mapping = list.get(index);
            if (!mapping.contains(at - 1) || !mapping.readable()) {
                return at;
            }
            at = mapping.start();
        }
        return Long.compareUnsigned(at, limit) > 0 ? at : limit;
    }

    /**
     * The first address from one on that is mapped readable. Allocates nothing.
     *
     * @param address a target address
     * @param limit the target address behind the last byte of interest
     * @return that address; {@code limit} if there is none before it
     */
    public long nextReadable(long address, long limit) {
        for (int index = Math.max(0, index(address)); index < starts.length; index++) {
            Mapping mapping = list.get(index);
            if (Long.compareUnsigned(mapping.start(), limit) >= 0) {
                break;
            }
            if (mapping.readable() && Long.compareUnsigned(mapping.end(), address) > 0) {
                return mapping.contains(address) ? address : mapping.start();
            }
        }
        return limit;
    }

    /**
     * The ranges.
     *
     * @return an unmodifiable list in address order
     */
    public List<Mapping> list() {
        return list;
    }

    /**
     * The ranges.
     *
     * @return a stream in address order
     */
    public Stream<Mapping> stream() {
        return list.stream();
    }

    @Override
    public Iterator<Mapping> iterator() {
        return list.iterator();
    }
}
