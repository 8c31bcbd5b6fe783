// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * The memory of a target. Addresses are the target's, lengths are bytes. Nothing is ever made up: a range that can't be
 * read is reported by address.
 *
 * <p>A read leaves a process as it is, where the kernel tells which pages are present: private memory that was never
 * touched is known to be zeros and does not become resident. A page that was swapped out comes back only if it is asked
 * for, see {@link #swappedIn()}. What is not in memory of a file whose file system may never answer can't be read.
 *
 * <p>Reads may be made from any thread; a {@link Window} belongs to one.
 */
public interface AddressSpace {

    /** The longest text that {@link #readCString} returns, in bytes. */
    int MAX_C_STRING = 1 << 16;

    /**
     * What is mapped where. For an observed process this is the state at the time it was opened, see {@link
     * #refresh()}.
     *
     * @return the mappings in address order
     */
    Mappings mappings();

    /**
     * The size of a page, the unit in which memory is mapped.
     *
     * @return bytes, a power of two
     */
    default int pageSize() {
        return 4096;
    }

    /**
     * Reads the mappings again if the target runs. Does nothing for a stopped process or a core.
     */
    void refresh();

    /**
     * Reads from {@code address} until {@code destination} is full or a byte can't be read.
     *
     * @param address target address of the first byte
     * @param destination local memory; its size is the number of bytes wanted
     * @return how many bytes were read, less than wanted if the byte behind the last one can't be read
     * @throws NoSuchProcessException if the process ended
     */
    long read(long address, MemorySegment destination);

    /**
     * Reads several ranges with as few system calls as possible. Range {@code i} goes to
     * {@code destination} behind the <em>wanted</em> lengths of the ranges before it.
     *
     * @param addresses target addresses
     * @param lengths bytes wanted of each
     * @param count how many ranges
     * @param destination local memory, at least as large as the lengths together
     * @param read receives how many bytes of each range were read
     * @throws NoSuchProcessException if the process ended
     */
    void readRanges(long[] addresses, long[] lengths, int count, MemorySegment destination, long[] read);

    /**
     * A window for a walker that goes through memory in address order: over a process one reused buffer of 1 MiB, over
     * a core the mapped file itself.
     *
     * @return a new window, for one thread, valid until the target is closed
     */
    Window window();

    /**
     * A window for a walker of which it is known what it will go through: as {@link #window()}, but what comes next is
     * also read ahead where it lies elsewhere.
     *
     * @param course what the walker will go through; it may ask for other ranges too
     * @return a new window, for one thread, valid until the target is closed
     */
    default Window window(Ranges course) {
        return window();
    }

    /**
     * A window for a walker that follows pointers: over a process a cache of 64 KiB lines, over a core the mapped file.
     * A cached line is not read again, so over an observed process call {@link Window#forget()} before each look.
     *
     * @param budget the most bytes that the cache may hold, at least 64 KiB
     * @return a new window, for one thread, valid until the target is closed
     */
    Window cache(long budget);

    /**
     * As {@link #cache(long)}, in lines of another length: for a walker that looks at few places, again and again.
     *
     * @param budget the most bytes that the cache may hold, at least 64 KiB
     * @param line how many bytes are read at once from a process: a power of two, from a page to 64 KiB
     * @return a new window, for one thread, valid until the target is closed
     */
    default Window cache(long budget, int line) {
        return cache(budget);
    }

    /**
     * A reader that follows pointers: what lies near its last read it reads with its surroundings, what a pointer leads
     * to elsewhere by the page alone.
     *
     * @param budget the most bytes that it may keep, at least 128 KiB
     * @return a new reader, for one thread, valid until it or the target is closed
     */
    default Reader reader(long budget) {
        return new Reader(this, budget);
    }

    /**
     * A reader that follows pointers and reads in lines of one length: short ones for looks at few places, long ones
     * for a walk that comes to most of what lies near.
     *
     * @param budget the most bytes that it may keep, at least 64 KiB
     * @param line how many bytes are read at once from a process: a power of two, from a page to 64 KiB
     * @return a new reader, for one thread, valid until it or the target is closed
     */
    default Reader reader(long budget, int line) {
        return new Reader(this, budget, line);
    }

    /**
     * Looks for words that point into given ranges.
     *
     * @param from where to look; what can't be read of it is left out
     * @param targets what the words point into; {@link Ranges#exactly} for ranges that lie near each other
     * @return a new scan before the first word, for one thread
     */
    default PointerScan pointers(Ranges from, Ranges targets) {
        return new PointerScan(this, from, targets, false);
    }

    /**
     * As {@link #pointers}, but what is swapped out is left out too: for a look that is not worth to bring it back.
     *
     * @param from where to look
     * @param targets what the words point into
     * @return a new scan before the first word, for one thread
     */
    default PointerScan residentPointers(Ranges from, Ranges targets) {
        return new PointerScan(this, from, targets, true);
    }

    /**
     * Hashes and compares ranges of this memory.
     *
     * @return a new one, for one thread
     */
    default Contents contents() {
        return new Contents(this);
    }

    /**
     * Which pages were never touched, for a search through large ranges. What a process that runs on touches meanwhile
     * may be missed.
     *
     * @return the answers for one search, for one thread, valid until the target is closed
     */
    default TouchedPages touched() {
        return (address, limit) -> address;
    }

    /**
     * Which parts can be read without a change to the target.
     *
     * @return the answers for one thread, valid until the target is closed; of memory that tells no more, what is mapped
     */
    default Extents extents() {
        return new MappedExtents(this);
    }

    /**
     * Asks the kernel which pages are in memory or swapped out, all at once: it takes some ten milliseconds for each
     * gigabyte in memory, and changes nothing in the process.
     *
     * @return what it tells now; empty for memory that has no page map, such as that of a core, and where the kernel
     *     gives none
     */
    default Optional<Residency> residency() {
        return Optional.empty();
    }

    /**
     * What the kernel counts of the process's memory, page tables among it.
     *
     * @return the counts of now; empty for memory that is no process's, such as that of a core
     */
    default Optional<MemoryCounts> counts() {
        return Optional.empty();
    }

    /**
     * How much of what is in memory falls to this process where several have a page: an equal part to each of them. The
     * kernel goes through all that is in memory for it, twice.
     *
     * @return what it tells now; empty for memory that is no process's, such as that of a core, and where the kernel
     *     does not tell
     */
    default Optional<Proportions> proportions() {
        return Optional.empty();
    }

    /**
     * A moving window that shows nothing that is swapped out, as if it could not be read: for a look at contents that
     * would be good to know, but are not worth to be brought back. What was left out for that is told by {@link
     * Target#notices()}.
     *
     * @return a new window, for one thread, valid until it or the target is closed
     */
    default Window residentWindow() {
        return window();
    }

    /**
     * How much memory was brought back from swap by reads since the target was opened. Only what somebody asked for is:
     * windows and caches read nothing ahead that is swapped out.
     *
     * @return bytes, whole pages; 0 for a core
     */
    default long swappedIn() {
        return 0;
    }

    /**
     * Where a search goes on behind a hole, so that it need not try each page: the first address from {@code address}
     * on that may be readable.
     *
     * @param address target address
     * @param limit where the search ends, {@code address} at least
     * @return an address that is mapped readable, or in a core one whose bytes are at hand; {@code limit} if there is
     *     none before it
     */
    default long nextReadable(long address, long limit) {
        return mappings().nextReadable(address, limit);
    }

    /**
     * Reads a range as a whole.
     *
     * @param address target address of the first byte
     * @param destination local memory; its size is the number of bytes wanted
     * @throws UnmappedAddressException if a byte can't be read; it has that byte's address
     */
    default void readFully(long address, MemorySegment destination) {
        long got = read(address, destination);
        if (got < destination.byteSize()) {
            throw new UnmappedAddressException(address + got, address, destination.byteSize());
        }
    }

    /**
     * Reads a range as a whole into a new array.
     *
     * @param address target address of the first byte
     * @param length how many bytes; the caller has checked that it is sane
     * @return the bytes
     * @throws UnmappedAddressException if a byte can't be read
     */
    default byte[] readBytes(long address, int length) {
        byte[] bytes = new byte[length];
        readFully(address, MemorySegment.ofArray(bytes));
        return bytes;
    }

    /**
     * Reads one 64-bit word, little-endian, at any alignment.
     *
     * @param address target address
     * @return the word
     * @throws UnmappedAddressException if a byte can't be read
     */
    default long readLong(long address) {
        return MemorySegment.ofArray(readBytes(address, Long.BYTES)).get(Words.LONG, 0);
    }

    /**
     * Reads one 32-bit word, little-endian, at any alignment.
     *
     * @param address target address
     * @return the word
     * @throws UnmappedAddressException if a byte can't be read
     */
    default int readInt(long address) {
        return MemorySegment.ofArray(readBytes(address, Integer.BYTES)).get(Words.INT, 0);
    }

    /**
     * Reads a text that ends in a zero byte.
     *
     * @param address target address of the first byte
     * @param maxLength the most bytes to look at, at most {@link #MAX_C_STRING}
     * @return the text before the zero byte, or the first {@code maxLength} bytes, as UTF-8 with replacements
     * @throws UnmappedAddressException if memory ends before the text does
     */
    default String readCString(long address, int maxLength) {
        int most = Math.min(maxLength, MAX_C_STRING);
        byte[] bytes = new byte[most];
        int got = (int) read(address, MemorySegment.ofArray(bytes));
        int length = 0;
        while (length < got && bytes[length] != 0) {
            length++;
        }
        if (length == got && got < most) {
            throw new UnmappedAddressException(address + got, address, most);
        }
        return new String(bytes, 0, length, StandardCharsets.UTF_8);
    }
}
