// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

/**
 * A symbol that a module defines.
 *
 * @param name as the symbol table has it, without the version ({@code @@VERSION}) that some linkers append in a file's
 *     own table
 * @param address where it lies: a target address; for {@link Kind#THREAD_LOCAL} an offset in the module's TLS block,
 *     for {@link Kind#NUMBER} just a number
 * @param size bytes, 0 if the table does not tell
 * @param kind what it names
 * @param binding who may refer to it
 */
public record ElfSymbol(String name, long address, long size, Kind kind, Binding binding) {

    /** What a symbol names. */
    public enum Kind {
        /** {@code STT_FUNC}. */
        FUNCTION,
        /** A function that chooses another one, {@code STT_GNU_IFUNC}. */
        CHOOSING_FUNCTION,
        /** A variable, {@code STT_OBJECT} or {@code STT_COMMON}. */
        VARIABLE,
        /** A thread-local variable, {@code STT_TLS}. */
        THREAD_LOCAL,
        /** No address, but a number: {@code SHN_ABS}. */
        NUMBER,
        /** Something at an address, {@code STT_NOTYPE} and whatever else. */
        OTHER
    }

    /** Who may refer to a symbol. */
    public enum Binding {
        /** {@code STB_GLOBAL}, {@code STB_GNU_UNIQUE}. */
        GLOBAL,
        /** {@code STB_WEAK}. */
        WEAK,
        /** {@code STB_LOCAL}. */
        LOCAL
    }

    /**
     * Whether it is a thread-local variable, of which there is one in each thread.
     *
     * @return whether it is
     */
    public boolean threadLocal() {
        return kind == Kind.THREAD_LOCAL;
    }

    /**
     * Whether it covers an address.
     *
     * @param at a target address
     * @return whether the address lies in its {@link #size} bytes
     */
    public boolean covers(long at) {
        return kind != Kind.THREAD_LOCAL && kind != Kind.NUMBER && Long.compareUnsigned(at - address, size) < 0;
    }
}
