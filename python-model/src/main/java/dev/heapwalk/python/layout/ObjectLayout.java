// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;

/**
 * C names {@code PyObject} and {@code PyVarObject}, which are laid out alike in all versions; what the count of
 * references means is not.
 *
 * <p>A build without the global interpreter lock has 16 bytes more before {@code ob_type} and the word before that,
 * which is {@code ob_ref_shared} there. What follows lies as in other builds, so all layouts tell where a field is from
 * these two words on: it lies at the address of its object, plus {@link #shift()}, plus the offset.
 *
 * @param shift how many bytes an object has before these two words: 0, or 16 in a build without the lock
 * @param countMask the bits of {@link #references} that count references
 * @param immortalBit the bit of it that an object has which is never freed; 0 where there are none
 * @param inUseMask the bits of it of which an object in use has one
 * @param countMost the bits of it that an object in use may have
 * @param preHeaderFlags the flags of types whose objects have two words before all else
 * @param gcHead how large the {@code PyGC_Head} is that lies before an object which the collector knows, in bytes
 * @param linksKept whether an object that is kept for later use has a pointer to the next one in place of its references
 */
public record ObjectLayout(
        int shift,
        long countMask,
        long immortalBit,
        long inUseMask,
        long countMost,
        long preHeaderFlags,
        int gcHead,
        boolean linksKept) {
    /** {@code ob_refcnt}; {@code ob_ref_shared} in a build without the lock. */
    public static final int REFCNT = 0;
    /** {@code ob_type}. */
    public static final int TYPE = 8;
    /** {@code ob_size} of a {@code PyVarObject}. */
    public static final int SIZE = 16;
    /** How large a {@code PyObject} is, in bytes. */
    public static final int BYTES = 16;
    /** How many bytes an object has before its first two words in a build without the lock. */
    public static final int FREE_THREADED_SHIFT = 16;

    /** A word with {@code ob_gc_bits} and {@code ob_ref_local}, in a build without the lock. */
    public static final int LOCAL = -8;

    /** {@code _PyGC_BITS_TRACKED}, in that word. */
    public static final long TRACKED = 1L << 24;
    /** {@code _PyGC_BITS_UNREACHABLE}, in that word. */
    public static final long UNREACHABLE = 4L << 24;
    /** {@code _PyGC_BITS_FROZEN}, in that word. */
    public static final long FROZEN = 8L << 24;

    private static final long DEFERRED_BIT = 64L << 24;
    /** {@code _Py_REF_SHARED_SHIFT}: how many bits of {@code ob_ref_shared} are flags. */
    private static final int SHARED_SHIFT = 2;
    /** {@code _Py_REF_DEFERRED}: what such an object has more than it has references, since 3.14. */
    private static final long DEFERRED = Long.MAX_VALUE / 8;

    private static final long FREE_IMMORTAL = 1L << 62;
    /** Not all of its references are counted, so it may have none. */
    private static final long FREE_DEFERRED = 1L << 61;

    private static final long FREE_COUNT = (1L << 40) - 1;

    /** How large the two words are that lie before all else in objects of some types, in bytes. */
    public static final int PRE_HEADER = 16;
    /** So many references and more are rare enough to be looked at closely. */
    public static final long MANY = 1 << 16;

    private static final long HALF = 0xFFFFFFFFL;

    static ObjectLayout of(int version, boolean freeThreaded) {
        if (freeThreaded) {
            return new ObjectLayout(
                    FREE_THREADED_SHIFT,
                    FREE_COUNT,
                    FREE_IMMORTAL,
                    FREE_COUNT | FREE_DEFERRED,
                    FREE_COUNT | FREE_DEFERRED | FREE_IMMORTAL,
                    3L << 3,
                    0,
                    false);
        }
        if (version < 312) {
            return new ObjectLayout(
                    0, -1, 0, -1, (1L << 40) - 1, version == 311 ? 1L << 4 : 0, version >= 308 ? 16 : 32, false);
        }
        // Since 3.14 the upper half has flags, and 16 bits that are zero.
        long most = version >= 314 ? HALF | 0xFFFFL << 48 : HALF;
        return new ObjectLayout(0, HALF, 1L << 31, HALF, most, 3L << 3, 16, version >= 314);
    }

    /**
     * What an object has of references.
     *
     * @param memory what reads the target
     * @param address target address of the object
     * @return {@code ob_refcnt} with what shares its word, 0 if it can't be read; in a build without the lock, what is
     *     made of its two counts
     */
    public long references(Reader memory, long address) {
        long word = memory.readLong(address + shift + REFCNT, 0);
        return shift == 0 ? word : merged(memory.readLong(address + shift + LOCAL, 0), word);
    }

    /**
     * What an object has of references.
     *
     * @param segment local memory that has the object
     * @param at where in it the fields of the object begin, which is {@link #shift()} bytes behind the object
     * @return {@code ob_refcnt} with what shares its word; in a build without the lock, what is made of its two counts
     */
    public long references(MemorySegment segment, long at) {
        long word = segment.get(Words.LONG, at + REFCNT);
        return shift == 0 ? word : merged(segment.get(Words.LONG, at + LOCAL), word);
    }

    /**
     * Makes one of the two counts of an object, its own thread's and that of all others, which may be less than nothing.
     *
     * @param local the word at {@link #LOCAL}
     * @param shared the word at {@link #REFCNT}
     * @return what {@link #references} gives
     */
    public static long merged(long local, long shared) {
        long own = local >>> Integer.SIZE;
        if (own == HALF) {
            return FREE_IMMORTAL | 1;
        }
        long others = shared >> SHARED_SHIFT;
        if ((local & DEFERRED_BIT) == 0) {
            return Math.max(0, own + others);
        }
        return FREE_DEFERRED | Math.max(0, own + others - (others > DEFERRED / 2 ? DEFERRED : 0)) & FREE_COUNT;
    }

    /**
     * Whether what an object has of references may be that of one in use. One that is kept for later use has none.
     *
     * @param word what {@link #references} gives
     * @return whether it may be
     */
    public boolean isInUse(long word) {
        return (word & inUseMask) != 0 && (word & ~countMost) == 0;
    }
}
