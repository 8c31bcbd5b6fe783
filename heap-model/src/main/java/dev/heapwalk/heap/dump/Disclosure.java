// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.dump;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.text.TextRules;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * How much a dump tells of what the process keeps: the text and bytes of its strings and their like, large numbers, and
 * the names of its threads. What classes, methods, variables and files are called is always told. What stands in place
 * of the rest is written in {@code docs/ruby-dump.md} and {@code docs/python-dump.md}.
 */
public final class Disclosure {
    /** All is told. */
    public static final Disclosure WHOLE = new Disclosure(TextRules.WHOLE);

    /** A dump digests at least as much, if it is asked to, and at most: in bytes. */
    private static final long LEAST_DIGESTED = 4L << 30;

    private static final long MOST_DIGESTED = 64L << 30;
    /** So many times what the process has mapped is digested, as Strings may share their bytes. */
    private static final int TIMES = 4;

    /** A longer String that is no part of a dump is not digested, in bytes. */
    private static final long LONGEST_ALONE = 64L << 20;

    private final TextRules rules;

    private Disclosure(TextRules rules) {
        this.rules = rules;
    }

    /**
     * The same, but of what is longer than a limit only its first part, its length and its SHA-256.
     *
     * @param bytes the limit, for the bytes as they are in the target; 0 or more
     * @return what is told
     * @throws IllegalArgumentException if the limit is below zero
     */
    public Disclosure atMost(long bytes) {
        return new Disclosure(rules.atMost(bytes));
    }

    /**
     * The same, but of each text only its length and a digest, HMAC-SHA-256 by a random key that is neither written nor
     * kept. Equal texts have equal digests in all that is written by the object that this returns, and by no other.
     *
     * @return what is told
     */
    public Disclosure redacting() {
        return new Disclosure(rules.redacting());
    }

    /**
     * Whether digests stand in place of text.
     *
     * @return whether they do
     */
    public boolean redacts() {
        return rules.redacts();
    }

    /**
     * The digest of a text that is told nowhere else.
     *
     * @param text the text, in UTF-8
     * @return 64 hexadecimal digits: HMAC-SHA-256, or SHA-256 if nothing is redacted
     */
    public String digest(String text) {
        return rules.digest(text.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * The digest of what a String holds, or of a part of it.
     *
     * @param memory what reads it
     * @param address target address of the first byte
     * @param length bytes
     * @return as above; empty if there are more than 64 MiB
     * @throws UnmappedAddressException if the length is below zero, or a byte can't be read
     */
    public Optional<String> digest(Reader memory, long address, long length) {
        memory.requireMapped(address, length, 1);
        return length > LONGEST_ALONE ? Optional.empty() : Optional.of(rules.digest(memory, address, length));
    }

    /**
     * The rules for one dump of a target, for the models of heap-model's own house.
     *
     * @param target the target
     * @return the rules
     */
    @SuppressWarnings("exports")
    public TextRules rules(Target target) {
        long mapped = target.memory().mappings().stream()
                .filter(Mapping::readable)
                .mapToLong(Mapping::length)
                .sum();
        return rules.digesting(Math.clamp(TIMES * mapped, LEAST_DIGESTED, MOST_DIGESTED));
    }
}
