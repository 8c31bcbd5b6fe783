// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.text;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.security.DigestException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * Digests ranges of a target, of any length, without an object for them: by SHA-256, or with a key by HMAC-SHA-256. The
 * JDK's own HMAC makes arrays for each. For one thread.
 */
final class Digest {
    /** The length of a digest in bytes. */
    static final int LENGTH = 32;

    /** What SHA-256 takes at once, in bytes. */
    private static final int BLOCK = 64;

    private static final byte INNER = 0x36;
    private static final byte OUTER = 0x5c;
    private static final int PIECE = 1 << 13;

    private final MessageDigest sha;
    private final byte[] inner;
    private final byte[] outer;
    private final byte[] piece = new byte[PIECE];
    private final byte[] result = new byte[LENGTH];

    private Digest(byte[] inner, byte[] outer) {
        try {
            this.sha = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
        this.inner = inner;
        this.outer = outer;
    }

    /** SHA-256. */
    static Digest plain() {
        return new Digest(new byte[0], new byte[0]);
    }

    /** HMAC-SHA-256, as RFC 2104 has it, with a key of at most {@link #BLOCK} bytes. */
    static Digest keyed(byte[] key) {
        byte[] inner = new byte[BLOCK];
        byte[] outer = new byte[BLOCK];
        System.arraycopy(key, 0, inner, 0, key.length);
        for (int i = 0; i < BLOCK; i++) {
            outer[i] = (byte) (inner[i] ^ OUTER);
            inner[i] ^= INNER;
        }
        return new Digest(inner, outer);
    }

    /**
     * Digests a range.
     *
     * @param memory what reads it
     * @param address target address of its first byte
     * @param length bytes, 0 or more
     * @return {@link #LENGTH} bytes, good until the next call
     * @throws UnmappedAddressException if a byte can't be read
     */
    byte[] of(Reader memory, long address, long length) {
        begin();
        for (long done = 0; done < length; ) {
            int shown = (int) Math.min(Window.MAX_LENGTH, length - done);
            long offset = memory.require(address + done, shown);
            MemorySegment segment = memory.segment();
            for (int from = 0; from < shown; from += PIECE) {
                int some = Math.min(PIECE, shown - from);
                MemorySegment.copy(segment, Words.BYTE, offset + from, piece, 0, some);
                sha.update(piece, 0, some);
            }
            done += shown;
        }
        return end();
    }

    /** Digests bytes. */
    byte[] of(byte[] bytes) {
        begin();
        sha.update(bytes, 0, bytes.length);
        return end();
    }

    private void begin() {
        sha.reset();
        sha.update(inner, 0, inner.length);
    }

    private byte[] end() {
        try {
            sha.digest(result, 0, LENGTH);
            if (outer.length > 0) {
                sha.update(outer, 0, outer.length);
                sha.update(result, 0, LENGTH);
                sha.digest(result, 0, LENGTH);
            }
        } catch (DigestException e) {
            throw new IllegalStateException("a digest of SHA-256 has " + LENGTH + " bytes", e);
        }
        return result;
    }
}
