// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Range;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;

/**
 * A program or library that is loaded in a target. What it says comes from the target's memory, from the file on disk
 * if its build id matches, and from a separate debug file if there is one; the last two are looked for under the
 * target's own root.
 */
public interface ElfModule {

    /**
     * The file as the target sees it.
     *
     * @return its path, {@code [vdso]}, or a made-up name in brackets where only memory tells of it
     */
    String path();

    /**
     * The load bias: what is added to an address in the file to get one in the target.
     *
     * @return a target address
     */
    long bias();

    /**
     * The mappings that belong to it, with those of its {@code .bss}.
     *
     * @return an unmodifiable list in address order
     */
    List<Mapping> mappings();

    /**
     * The {@code PT_LOAD} segments that are writable, as ranges of target addresses: {@code .data} and {@code .bss},
     * and the part that was made read-only after relocation. Of a segment that is not mapped as a whole, the parts that
     * are mapped readable.
     *
     * @return an unmodifiable list of ranges in address order
     */
    List<Range> writableSegments();

    /**
     * The addresses from the module's first byte to its last. There may be gaps, in which others lie.
     *
     * @return target addresses
     */
    Range extent();

    /**
     * Where the table lies that leads to the rules for the frames of the module's functions: its {@code
     * PT_GNU_EH_FRAME} segment, {@code .eh_frame_hdr}.
     *
     * @return target addresses; empty if the module has no such table
     */
    Optional<Range> frameIndex();

    /**
     * Where the rules themselves lie, {@code .eh_frame}, as the section headers of the module's file tell.
     *
     * @return target addresses; empty if it has none, or if there is no such file
     */
    Optional<Range> frameDescriptions();

    /**
     * The build id.
     *
     * @return lower-case hex digits, if the module has one
     */
    Optional<String> buildId();

    /**
     * Whether it is the program itself, as the kernel started it.
     *
     * @return whether it is; false for all modules where a core does not tell
     */
    boolean program();

    /**
     * The name that the module gives itself.
     *
     * @return {@code DT_SONAME}, if it has one
     */
    Optional<String> soname();

    /**
     * Whether {@code .symtab} is at hand, in the file or in a debug file, so that local symbols are found. What programs
     * of Fedora have compressed in {@code .gnu_debugdata} is only a part of it.
     *
     * @return whether {@link #symbol} knows all symbols that the program was linked with
     */
    boolean hasFullSymbols();

    /**
     * Where a function or variable lies. Dynamic symbols first, then those of {@code .symtab} and of the debug file, or
     * else those of {@code .gnu_debugdata}.
     *
     * @param name the symbol's name without version
     * @return its address in the target; empty if it is not defined here, or is thread-local
     */
    OptionalLong symbol(String name);

    /**
     * Where a function or variable lies that other modules may use. Looks at the dynamic symbols alone, so that no file
     * is opened for a name that is not there.
     *
     * @param name the symbol's name without version
     * @return its address in the target; empty if the module does not export it, or it is thread-local
     */
    OptionalLong exported(String name);

    /**
     * Where a thread-local variable lies in the module's TLS block.
     *
     * @param name the symbol's name
     * @return its {@code st_value}, an offset in bytes
     */
    OptionalLong tlsSymbol(String name);

    /**
     * All that the module defines and has a name for: the dynamic symbols, and those of {@code .symtab} and of the
     * debug file where there are such. What stands in several tables comes once.
     *
     * @return the symbols, in the order of the tables, read as the stream goes on
     */
    Stream<ElfSymbol> symbols();

    /**
     * What lies at an address: the symbol whose bytes cover it, of several the one that begins last. Where none covers
     * it, and the nearest symbol at or before it has no size, as some have that were written in assembler, that one,
     * if it is of the same section. Of several names for one place, one that others may refer to, with the fewest
     * underscores and letters. Looks at the tables that {@link #symbols()} does. The first call makes an index, which
     * is kept.
     *
     * @param address a target address
     * @return the symbol; empty if no symbol names what lies there, or the address is not the module's
     */
    Optional<ElfSymbol> symbolAt(long address);

    /**
     * Whether an address lies in the module.
     *
     * @param address a target address
     * @return whether it lies in one of its mappings or, where none are known, of its segments
     */
    boolean contains(long address);

    /**
     * How large each thread's copy of the module's thread-local variables is, as its {@code PT_TLS} segment says.
     *
     * @return bytes, 0 if it has no such variables
     */
    long tlsSize();

    /**
     * Where a thread has its copy of the module's thread-local variables: in static storage at a fixed distance from
     * its thread pointer, or where its vector of thread-local storage names it.
     *
     * @param threadPointer the thread's {@link dev.heapwalk.memory.Registers#threadPointer()}
     * @return a range of target addresses; empty if the module has no such variables, the thread has none yet, or they
     *     can't be found
     */
    Optional<Range> tlsBlock(long threadPointer);

    /**
     * The words of the module that the dynamic linker sets to an address within it ({@code R_*_RELATIVE} in
     * {@code .rela.dyn} and {@code .relr.dyn}), from memory.
     *
     * @return target addresses of the words, ascending; empty if the tables can't be read
     */
    long[] relativeRelocations();

    /**
     * The GOT words that hold the offset of a thread-local variable from the thread pointer ({@code R_X86_64_TPOFF64},
     * {@code R_AARCH64_TLS_TPREL}; for a variable of the module itself).
     *
     * @return target addresses of the words, in the order of the relocations
     */
    long[] tlsOffsetWords();

    /**
     * How far the module's thread-local variables lie from each thread's thread pointer, as the first of
     * {@link #tlsOffsetWords()} tells.
     *
     * @return the offset of their first byte in bytes, negative below the thread pointer; empty if there is no such
     *     word, or it can't be read
     */
    OptionalLong tlsOffset();
}
