// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.text;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;

/**
 * How much of a target's text and bytes is written: all, the first part, or none, with a digest in place of what is
 * missing. Any number of threads may share one.
 */
public final class TextRules {
    /** All is written. */
    public static final TextRules WHOLE =
            new TextRules(Long.MAX_VALUE, Optional.empty(), Long.MAX_VALUE, new AtomicLong());

    /** As long as what the digest is made by gives. */
    private static final int KEY = 32;

    private final long most;
    /** What redacts; never written. */
    private final Optional<byte[]> key;

    private final long digested;
    /** What of that is left, for all rules that were made of those of one dump. */
    private final AtomicLong left;

    private TextRules(long most, Optional<byte[]> key, long digested, AtomicLong left) {
        this.most = most;
        this.key = key;
        this.digested = digested;
        this.left = left;
    }

    /**
     * The same rules with a limit: what is longer is cut there, and has a digest, SHA-256 of all its bytes.
     *
     * @param bytes a limit for the bytes of one text as they are in the target, 0 or more
     * @return new rules
     * @throws IllegalArgumentException if the limit is below zero
     */
    public TextRules atMost(long bytes) {
        if (bytes < 0) {
            throw new IllegalArgumentException("text can't be cut after " + bytes + " bytes");
        }
        return new TextRules(bytes, key, digested, left);
    }

    /**
     * The same rules, but nothing is written of a text but its length and a keyed digest, HMAC-SHA-256 of its bytes.
     * The key is random, and nobody is told it: texts that are equal can be seen to be, and what they are can't be
     * found out by trying.
     *
     * @return new rules, with a new key
     */
    public TextRules redacting() {
        byte[] random = new byte[KEY];
        new SecureRandom().nextBytes(random);
        return new TextRules(most, Optional.of(random), digested, left);
    }

    /**
     * The same rules for names, which are told in any case. What is digested counts for both.
     *
     * @return rules that do not redact
     */
    public TextRules naming() {
        return new TextRules(most, Optional.empty(), digested, left);
    }

    /**
     * The same rules for one dump, which digests no more than so many bytes in all: lengths are the target's, and many
     * texts may claim the same memory. What comes when there is too little left has no digest.
     *
     * @param bytes a limit for the bytes of all texts that are digested
     * @return new rules, with the same key
     */
    public TextRules digesting(long bytes) {
        return new TextRules(most, key, bytes, new AtomicLong(bytes));
    }

    /**
     * The limit.
     *
     * @return bytes, {@link Long#MAX_VALUE} without one
     */
    public long most() {
        return most;
    }

    /**
     * Whether digests stand in place of text.
     *
     * @return whether they do
     */
    public boolean redacts() {
        return key.isPresent();
    }

    /** Takes bytes from what may be digested. Returns whether there were as many. */
    boolean take(long bytes) {
        if (digested == Long.MAX_VALUE) {
            return true;
        }
        if (left.get() < bytes) {
            return false;
        }
        return left.addAndGet(-bytes) >= 0;
    }

    /**
     * Digests some bytes.
     *
     * @param bytes the bytes
     * @return 64 hexadecimal digits
     */
    public String digest(byte[] bytes) {
        return HexFormat.of().formatHex(digest().of(bytes));
    }

    /**
     * Digests a range of a target.
     *
     * @param memory what reads it
     * @param address target address of its first byte
     * @param length bytes, 0 or more
     * @return 64 hexadecimal digits
     * @throws UnmappedAddressException if a byte can't be read
     */
    public String digest(Reader memory, long address, long length) {
        return HexFormat.of().formatHex(digest().of(memory, address, length));
    }

    /** What makes the digests that these rules ask for, for one thread. */
    Digest digest() {
        return key.isPresent() ? Digest.keyed(key.get()) : Digest.plain();
    }
}
