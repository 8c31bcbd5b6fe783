// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

/** The processor family of a program, as its ELF header names it. */
public enum Machine {
    /** AMD64: {@code EM_X86_64} in an {@code ELFCLASS64} file. */
    X86_64("x86-64", 62, 8),
    /** ARM64: {@code EM_AARCH64}. */
    AARCH64("aarch64", 183, 8),
    /** 32-bit x86: {@code EM_386}. */
    I386("i386", 3, 4),
    /** 32-bit ARM: {@code EM_ARM}. */
    ARM("arm", 40, 4),
    /** x86-64 with 32-bit pointers: {@code EM_X86_64} in an {@code ELFCLASS32} file. */
    X32("x32", 62, 4),
    /** Any other. */
    OTHER("an unknown machine", 0, 8);

    private final String label;
    private final int elfMachine;
    private final int wordSize;

    Machine(String label, int elfMachine, int wordSize) {
        this.label = label;
        this.elfMachine = elfMachine;
        this.wordSize = wordSize;
    }

    /**
     * The machine that an ELF header names.
     *
     * @param elfMachine the header's {@code e_machine}
     * @param elfClass the header's {@code e_ident[EI_CLASS]}, 1 for 32 and 2 for 64 bits
     * @return the machine, {@link #OTHER} if it is none of the known ones
     */
    public static Machine of(int elfMachine, int elfClass) {
        for (Machine machine : values()) {
            if (machine.elfMachine == elfMachine && machine.wordSize == (elfClass == 1 ? 4 : 8)) {
                return machine;
            }
        }
        return OTHER;
    }

    /**
     * The number that ELF headers name it by.
     *
     * @return {@code e_machine}; 0 for {@link #OTHER}
     */
    public int elfMachine() {
        return elfMachine;
    }

    /**
     * The size of a pointer.
     *
     * @return 4 or 8 bytes
     */
    public int wordSize() {
        return wordSize;
    }

    /**
     * The name for messages.
     *
     * @return for example {@code x86-64}
     */
    public String label() {
        return label;
    }
}
