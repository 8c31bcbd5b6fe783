// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.unwind;

import dev.heapwalk.memory.Reader;

/**
 * The description of a function's frames in {@code .eh_frame}: an FDE, with the CIE that it shares with others. A
 * flyweight that is read over another place each time.
 */
final class FrameDescription {
    /** The longest entry that is believed. */
    private static final long LONGEST = 1 << 20;

    private static final int LONGEST_AUGMENTATION = 16;
    private static final long LONG_FORM = 0xffffffffL;

    private final RuleBytes bytes;

    private long start;
    private long behind;
    private long next;
    private long instructions;
    private long instructionsEnd;

    private long common;
    private int encoding;
    private boolean sized;
    private long codeUnit;
    private long dataUnit;
    private int returnRegister;
    private boolean signal;
    private long commonInstructions;
    private long commonEnd;

    FrameDescription(Reader memory) {
        this.bytes = new RuleBytes(memory);
    }

    /** Forgets the CIE that was read last: another module's may lie at its place now. */
    void forget() {
        common = 0;
    }

    /**
     * Reads the entry at an address.
     *
     * @param entry target address of its length
     * @param limit what it must end before
     * @return whether it describes a function; false for a CIE, and at the end of the section, where {@link #next()} is
     *     0
     */
    boolean read(long entry, long limit) {
        next = 0;
        long content = open(entry, limit);
        if (content == 0) {
            return false;
        }
        next = bytes.end();
        long distance = bytes.unsignedInt();
        if (distance == 0) {
            return false;
        }
        long from = bytes.at();
        readCommon(content - distance, entry, limit);
        bytes.over(from, next);
        start = bytes.pointer(encoding, 0);
        behind = start + bytes.number(encoding);
        if (Long.compareUnsigned(behind, start) < 0) {
            throw new DamagedRulesException("a function ends before it begins");
        }
        if (sized) {
            long length = bytes.unsigned();
            bytes.skip(checked(length));
        }
        instructions = bytes.at();
        instructionsEnd = next;
        return true;
    }

    /** Goes behind the length of an entry; its address, or 0 at the end of the section. */
    private long open(long entry, long limit) {
        bytes.over(entry, limit);
        long length = bytes.unsignedInt();
        if (length == 0) {
            return 0;
        }
        if (length == LONG_FORM) {
            length = bytes.word();
        }
        if (length < 4 || length > LONGEST || length > limit - bytes.at()) {
            throw new DamagedRulesException("an entry has an impossible length");
        }
        long content = bytes.at();
        bytes.over(content, content + length);
        return content;
    }

    private long checked(long length) {
        if (length < 0 || length > bytes.end() - bytes.at()) {
            throw new DamagedRulesException("a part is longer than the whole");
        }
        return length;
    }

    private void readCommon(long entry, long before, long limit) {
        if (entry == common) {
            return;
        }
        common = 0;
        if (open(entry, limit) == 0 || bytes.unsignedInt() != 0) {
            throw new DamagedRulesException("an entry belongs to none");
        }
        int version = bytes.unsignedByte();
        if (version != 1 && version != 3 && version != 4) {
            throw new DamagedRulesException("an entry of an unknown version");
        }
        long augmentation = bytes.at();
        int letters = 0;
        while (bytes.unsignedByte() != 0) {
            if (++letters > LONGEST_AUGMENTATION) {
                throw new DamagedRulesException("an entry of an unknown kind");
            }
        }
        if (version == 4) {
            // The sizes of addresses and of segment selectors.
            if (bytes.unsignedByte() != 8 || bytes.unsignedByte() != 0) {
                throw new DamagedRulesException("addresses of an unknown size");
            }
        }
        codeUnit = bytes.unsigned();
        dataUnit = bytes.signed();
        long column = version == 1 ? bytes.unsignedByte() : bytes.unsigned();
        returnRegister = column < 0 || column > Integer.MAX_VALUE ? Integer.MAX_VALUE : (int) column;
        encoding = 0;
        signal = false;
        sized = false;
        commonEnd = bytes.end();
        commonInstructions = bytes.at();
        if (letters > 0) {
            readAugmentation(augmentation, letters, bytes.at());
        }
        common = entry;
    }

    private void readAugmentation(long letters, int count, long data) {
        long at = data;
        for (int i = 0; i < count; i++) {
            int letter = bytes.over(letters + i, commonEnd).unsignedByte();
            bytes.over(at, commonEnd);
            switch (letter) {
                case 'z' -> {
                    long length = bytes.unsigned();
                    commonInstructions = bytes.at() + checked(length);
                    sized = true;
                }
                case 'R' -> encoding = bytes.unsignedByte();
                case 'L' -> bytes.unsignedByte();
                case 'P' -> {
                    int form = bytes.unsignedByte();
                    if (form != RuleBytes.OMITTED) {
                        bytes.number(form);
                    }
                }
                case 'S' -> signal = true;
                // Which key signs return addresses, and whether the stack is tagged, on aarch64.
                case 'B', 'G' -> {}
                default -> throw new DamagedRulesException("an entry of an unknown kind");
            }
            if (!sized) {
                throw new DamagedRulesException("an entry of an unknown kind");
            }
            at = bytes.at();
        }
    }

    /** The target address of the entry behind, 0 where there is none. */
    long next() {
        return next;
    }

    /** Where the function begins. */
    long start() {
        return start;
    }

    /** Where it ends. */
    long behind() {
        return behind;
    }

    boolean covers(long address) {
        return Long.compareUnsigned(address - start, behind - start) < 0;
    }

    /** Whether it is the code that a signal handler returns to. */
    boolean signal() {
        return signal;
    }

    /** What steps in code are counted in, in bytes. */
    long codeUnit() {
        return codeUnit;
    }

    /** What steps on the stack are counted in, in bytes. */
    long dataUnit() {
        return dataUnit;
    }

    /** Which register's rule tells the return address, by the number that DWARF has for it. */
    int returnRegister() {
        return returnRegister;
    }

    /** The instructions that all functions of the CIE begin with. */
    RuleBytes commonInstructions() {
        return bytes.over(commonInstructions, commonEnd);
    }

    /** The function's own instructions. */
    RuleBytes instructions() {
        return bytes.over(instructions, instructionsEnd);
    }
}
