// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.core;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.elf.AuxiliaryVector;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Finds text in memory, to write zeros over it: runs of at least four bytes that are printable ASCII, white space, or
 * well-formed UTF-8. What may be a number or an address stays: words that point into a mapping, and runs within the low
 * six bytes of one word, from its first byte on. So a text of up to six bytes stays that has a word of its own.
 */
public final class MemoryText {
    private static final int SHORTEST = 4;
    private static final int WORD = 8;
    /** The bytes of a word that an address has. */
    private static final int ADDRESS = 6;

    private static final long RANDOM = 25;
    private static final int RANDOM_BYTES = 16;

    private final Mappings mappings;

    /**
     * Finds text in a target's memory.
     *
     * @param mappings what is mapped
     */
    public MemoryText(Mappings mappings) {
        this.mappings = mappings;
    }

    /**
     * Where the arguments and the environment of a program lie, as its kernel has put them there.
     *
     * @param target the target
     * @return target addresses; empty where the auxiliary vector does not tell
     */
    public Optional<Range> strings(Target target) {
        Machine machine = target.machine();
        AuxiliaryVector told = target.coreFacts().notes().stream()
                .filter(note ->
                        note.type() == CoreNote.AUXILIARY && note.owner().equals(CoreNote.CORE))
                .map(note -> AuxiliaryVector.parse(MemorySegment.ofArray(note.content()), machine))
                .findFirst()
                .orElse(AuxiliaryVector.EMPTY);
        long random = told.entries().getOrDefault(RANDOM, 0L);
        long name = told.executableName().orElse(0);
        // The kernel puts them between its 16 random bytes and the path of the program.
        long start = random + RANDOM_BYTES;
        boolean there = random > 0
                && start < name
                && mappings.at(random).map(mapping -> mapping.contains(name)).orElse(false);
        return there ? Optional.of(new Range(start, name)) : Optional.empty();
    }

    /**
     * Writes zeros over text.
     *
     * @param address target address of the first byte of the memory, a multiple of 8
     * @param bytes the memory, which is changed
     * @param from target address in it where text is looked for
     * @param to target address where that ends; text that goes on behind it is cut there
     */
    public void clear(long address, MemorySegment bytes, long from, long to) {
        long at = from - address;
        long end = to - address;
        while (at < end) {
            long after = textEnd(bytes, at, end);
            if (after == at) {
                at++;
                continue;
            }
            // What begins or ends a piece may be a part of a longer text.
            boolean cut = at == 0 || after == bytes.byteSize();
            if (after - at >= SHORTEST || cut) {
                clear(bytes, at, after);
            }
            at = after;
        }
    }

    private void clear(MemorySegment bytes, long from, long to) {
        if (from % WORD == 0 && to - from <= ADDRESS && from + WORD <= bytes.byteSize() && high(bytes, from) == 0) {
            return;
        }
        for (long word = from & -WORD; word < to; word += WORD) {
            if (!pointsToMapping(bytes, word)) {
                long start = Math.max(from, word);
                long end = Math.min(to, word + WORD);
                bytes.asSlice(start, end - start).fill((byte) 0);
            }
        }
    }

    private static short high(MemorySegment bytes, long word) {
        return bytes.get(Words.SHORT, word + ADDRESS);
    }

    private boolean pointsToMapping(MemorySegment bytes, long word) {
        if (word + WORD > bytes.byteSize() || high(bytes, word) != 0) {
            return false;
        }
        Optional<Mapping> mapping = mappings.at(bytes.get(Words.LONG, word));
        return mapping.isPresent();
    }

    private static long textEnd(MemorySegment bytes, long from, long end) {
        long at = from;
        while (at < end) {
            int first = bytes.get(Words.BYTE, at) & 0xff;
            int length = first >= 0x20 && first < 0x7f || first == '\t' || first == '\n' || first == '\r'
                    ? 1
                    : first >= 0xc2 && first < 0xe0
                            ? 2
                            : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
            if (length == 0 || at + length > end) {
                return at;
            }
            for (int i = 1; i < length; i++) {
                if ((bytes.get(Words.BYTE, at + i) & 0xc0) != 0x80) {
                    return at;
                }
            }
            at += length;
        }
        return at;
    }
}
