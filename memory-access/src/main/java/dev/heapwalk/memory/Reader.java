// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import dev.heapwalk.memory.raw.Checks;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.memory.struct.StructView;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Follows the pointers of a target: reads words, texts and structures by address, over a cache of lines in a fixed
 * budget. Over a core it reads the mapped file itself.
 *
 * <p>What can't be read is told in one of two ways: {@code readLong(address)} throws, {@code readLong(address,
 * otherwise)} answers what it was given. Nothing outside user space can be read, so a pointer of a damaged target is
 * refused before anything is asked of the kernel.
 *
 * <p>A reader belongs to one thread. A read allocates nothing, but for the {@code String} of a text. Over a process
 * that runs on, call {@link #forget()} before each look.
 */
public final class Reader implements AutoCloseable {
    /** What lies behind it is the kernel's in every 64-bit address space. */
    private static final long USER_SPACE = 1L << 56;
    /** So near to the last read, the surroundings are worth reading too, in bytes. */
    private static final long NEAR = 1 << 16;
    /** The least that a cache can have, in bytes. */
    private static final long LEAST = 1 << 16;
    /** The part of the budget that single pages get. */
    private static final int PAGES_SHARE = 5;

    private final AddressSpace memory;
    private final Window surroundings;
    private final Window pages;
    private final long pageSize;
    private Window window;
    private long last;
    private byte[] text = {};

    /** Reads with its surroundings what lies near the last read, and what a pointer leads to elsewhere by the page. */
    Reader(AddressSpace memory, long budget) {
        if (budget < 2 * LEAST) {
            throw new IllegalArgumentException(
                    "a reader needs a budget of at least " + 2 * LEAST + " bytes, not " + budget);
        }
        long forPages = Math.max(LEAST, budget / PAGES_SHARE);
        this.memory = memory;
        this.pageSize = memory.pageSize();
        this.surroundings = memory.cache(Math.max(LEAST, budget - forPages));
        this.pages = memory.cache(forPages, (int) Math.min(pageSize, LEAST));
        this.window = surroundings;
    }

    /** Reads all in lines of one length. */
    Reader(AddressSpace memory, long budget, int line) {
        this.memory = memory;
        this.pageSize = memory.pageSize();
        this.surroundings = memory.cache(budget, line);
        this.pages = surroundings;
        this.window = surroundings;
    }

    /**
     * What is read.
     *
     * @return the memory that this reader was made of
     */
    public AddressSpace memory() {
        return memory;
    }

    /**
     * Makes a range readable, if it is.
     *
     * @param address target address
     * @param length bytes, from 0 to {@link Window#MAX_LENGTH}
     * @return the offset of the range in {@link #segment()}, good until the next read; -1 if a byte can't be read
     */
    public long find(long address, long length) {
        if (address <= 0 || address >= USER_SPACE) {
            return -1;
        }
        if ((address ^ last) >= pageSize) {
            window = Math.abs(address - last) <= NEAR ? surroundings : pages;
        }
        last = address;
        if (Checks.ON) {
            surroundings.passed();
            pages.passed();
        }
        return window.find(address, length);
    }

    /**
     * Makes a range readable.
     *
     * @param address target address
     * @param length bytes, from 0 to {@link Window#MAX_LENGTH}
     * @return the offset of the range in {@link #segment()}, good until the next read
     * @throws UnmappedAddressException if a byte of it can't be read; it has that byte's address
     */
    public long require(long address, long length) {
        long offset = find(address, length);
        if (offset < 0) {
            throw unmapped(address, length);
        }
        return offset;
    }

    private UnmappedAddressException unmapped(long address, long length) {
        boolean asked = address > 0 && address < USER_SPACE;
        return new UnmappedAddressException(asked ? window.missing() : address, address, length);
    }

    /**
     * The local memory that offsets of {@link #find} and {@link #require} refer to. Ask for it after the offset: it may
     * be another one after each read.
     *
     * @return the segment
     */
    public MemorySegment segment() {
        return window.segment();
    }

    /**
     * Lays a view over a structure.
     *
     * @param address target address of its first byte
     * @param length how much of it the view may look at, in bytes, up to {@link Window#MAX_LENGTH}
     * @param view the view to lay over it
     * @param <T> the type of the view
     * @return the view, good until the next read
     * @throws UnmappedAddressException if a byte of it can't be read
     */
    public <T extends StructView> T at(long address, long length, T view) {
        long offset = require(address, length);
        view.lay(window.segment(), offset, address, length);
        return view;
    }

    /**
     * Goes through an array of structures. A count that the target gave is to be checked before, by {@link
     * #requireMapped}.
     *
     * @param address target address of the first one
     * @param count how many there are
     * @param size the size of one in bytes, up to {@link Window#MAX_LENGTH}
     * @param view the view to lay over each
     * @param <T> the type of the view
     * @return a cursor before the first one, for the same thread
     */
    public <T extends StructView> ElementCursor<T> elements(long address, long count, long size, T view) {
        return new ElementCursor<>(this::at, address, count, size, view);
    }

    /**
     * Reads 64 bits, little-endian, at any alignment.
     *
     * @param address target address
     * @return the word
     * @throws UnmappedAddressException if a byte of it can't be read
     */
    public long readLong(long address) {
        long offset = require(address, Long.BYTES);
        return window.segment().get(Words.LONG, offset);
    }

    /**
     * Reads 64 bits, little-endian, at any alignment, if they can be read.
     *
     * @param address target address
     * @param otherwise the answer if a byte can't be read
     * @return the word
     */
    public long readLong(long address, long otherwise) {
        long offset = find(address, Long.BYTES);
        return offset < 0 ? otherwise : window.segment().get(Words.LONG, offset);
    }

    /**
     * Reads 32 bits, little-endian, at any alignment.
     *
     * @param address target address
     * @return the word
     * @throws UnmappedAddressException if a byte of it can't be read
     */
    public int readInt(long address) {
        long offset = require(address, Integer.BYTES);
        return window.segment().get(Words.INT, offset);
    }

    /**
     * Reads 32 bits, little-endian, at any alignment, if they can be read.
     *
     * @param address target address
     * @param otherwise the answer if a byte can't be read
     * @return the word
     */
    public int readInt(long address, int otherwise) {
        long offset = find(address, Integer.BYTES);
        return offset < 0 ? otherwise : window.segment().get(Words.INT, offset);
    }

    /**
     * Reads 16 bits, little-endian, at any alignment.
     *
     * @param address target address
     * @return the word
     * @throws UnmappedAddressException if a byte of it can't be read
     */
    public short readShort(long address) {
        long offset = require(address, Short.BYTES);
        return window.segment().get(Words.SHORT, offset);
    }

    /**
     * Reads 16 bits, little-endian, at any alignment, if they can be read.
     *
     * @param address target address
     * @param otherwise the answer if a byte can't be read
     * @return the word
     */
    public short readShort(long address, short otherwise) {
        long offset = find(address, Short.BYTES);
        return offset < 0 ? otherwise : window.segment().get(Words.SHORT, offset);
    }

    /**
     * Reads a byte.
     *
     * @param address target address
     * @return the byte
     * @throws UnmappedAddressException if it can't be read
     */
    public byte readByte(long address) {
        long offset = require(address, 1);
        return window.segment().get(Words.BYTE, offset);
    }

    /**
     * Reads a byte, if it can be read.
     *
     * @param address target address
     * @param otherwise the answer if it can't
     * @return the byte
     */
    public byte readByte(long address, byte otherwise) {
        long offset = find(address, 1);
        return offset < 0 ? otherwise : window.segment().get(Words.BYTE, offset);
    }

    /**
     * Reads a text that ends in a zero byte.
     *
     * @param address target address of its first byte
     * @param most the most bytes to look at, at most {@link AddressSpace#MAX_C_STRING}
     * @return the text before the zero byte, or the first {@code most} bytes, as UTF-8 with replacements
     * @throws UnmappedAddressException if memory ends before the text does
     */
    public String readCString(long address, int most) {
        int length = text(address, most);
        if (length < 0) {
            throw unmapped(address, most);
        }
        return new String(text, 0, length, StandardCharsets.UTF_8);
    }

    /**
     * Reads a text that ends in a zero byte, if it can be read.
     *
     * @param address target address of its first byte
     * @param most the most bytes to look at, at most {@link AddressSpace#MAX_C_STRING}
     * @param otherwise the answer if memory ends before the text does
     * @return the text before the zero byte, or the first {@code most} bytes, as UTF-8 with replacements
     */
    public String readCString(long address, int most, String otherwise) {
        int length = text(address, most);
        return length < 0 ? otherwise : new String(text, 0, length, StandardCharsets.UTF_8);
    }

    /** Copies a text; returns its length in bytes, -1 if memory ends before it does. */
    private int text(long address, int most) {
        int wanted = Math.clamp(most, 0, AddressSpace.MAX_C_STRING);
        int length = 0;
        while (length < wanted) {
            long at = address + length;
            // To the end of a page at a time: what lies behind it need not be mapped.
            int part = (int) Math.min(wanted - length, pageSize - (at & pageSize - 1));
            long offset = find(at, part);
            boolean whole = offset >= 0;
            if (!whole) {
                // A core that was cut off may end within a page.
                long missing = window.missing();
                if (missing <= at || missing >= at + part || at <= 0 || at >= USER_SPACE) {
                    return -1;
                }
                part = (int) (missing - at);
                offset = require(at, part);
            }
            MemorySegment segment = window.segment();
            if (text.length < length + part) {
                text = Arrays.copyOf(text, Math.max(length + part, 2 * text.length));
            }
            for (int i = 0; i < part; i++) {
                byte one = segment.get(Words.BYTE, offset + i);
                if (one == 0) {
                    return length + i;
                }
                text[length + i] = one;
            }
            length += part;
            if (!whole) {
                find(at + part, 1);
                return -1;
            }
        }
        return wanted;
    }

    /**
     * Whether every byte of a range is mapped readable. The check to make before a length from the target is believed.
     *
     * @param address target address of the first byte
     * @param length bytes; a negative one is never mapped
     * @return whether it is
     */
    public boolean mapped(long address, long length) {
        return memory.mappings().readable(address, length);
    }

    /**
     * Checks that every byte of a run of elements is mapped readable. The check to make before a count from the target
     * is believed.
     *
     * @param address target address of the first element
     * @param count how many there are; 0 is always good, and a negative one never
     * @param size the size of an element in bytes
     * @throws UnmappedAddressException if they are not mapped
     */
    public void requireMapped(long address, long count, int size) {
        long length = count < 0 || count > Long.MAX_VALUE / size ? Long.MAX_VALUE : count * size;
        if (length != 0 && !mapped(address, length)) {
            throw new UnmappedAddressException(address, address, length);
        }
    }

    /** Forgets what was read before, so that the next read asks a target that runs on again. Buffers are kept. */
    public void forget() {
        surroundings.forget();
        if (pages != surroundings) {
            pages.forget();
        }
        window = surroundings;
        last = 0;
    }

    /**
     * Tells where it read last.
     *
     * @return for example {@code a reader, last at 0x7f0000000678: a window that shows 4096 bytes from 0x7f0000000000
     *     on}
     */
    @Override
    public String toString() {
        return last == 0 ? "a reader, before its first read" : "a reader, last at 0x%x: %s".formatted(last, window);
    }

    /** Frees the cache. A read after it throws an {@link IllegalStateException}. A second call does nothing. */
    @Override
    public void close() {
        surroundings.close();
        pages.close();
    }
}
