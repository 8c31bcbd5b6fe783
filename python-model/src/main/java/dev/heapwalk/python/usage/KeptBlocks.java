// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import dev.heapwalk.heap.UsedBlocks;
import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectCursor;
import dev.heapwalk.python.PythonInterpreter;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.VariableScan;
import dev.heapwalk.python.layout.DequeLayout;
import dev.heapwalk.python.layout.ParserLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.TypeLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * What C code of Python keeps in blocks that no object owns, by the variables that lead to them: blocks of deques for
 * later use, tables of the parser, descriptions of the members of types, identifiers of an interpreter. A block is
 * known by its size as well, and by what lies beside the variable.
 */
final class KeptBlocks {
    /** How much larger than what was asked for a block may be: what is rounded up, and a tail for debugging, in bytes. */
    private static final int ROUNDED = 64;
    /** How far the count of spare blocks may lie from them, in words. */
    private static final int NEAR = 32;

    private static final int LEAST_IDENTIFIERS = 16;
    private static final int HALF = 32;

    private final PythonRuntime runtime;
    private final PythonLayout layout;
    private final UsedBlocks blocks;
    private final UseTable table;
    private final Reader memory;
    private final int spareUse;
    private final int parserUse;
    private final int memberUse;
    private final int identifierUse;
    /** The variables that lead to blocks which may be spare ones of deques, in ascending order. */
    private final List<Long> spare = new ArrayList<>();

    KeptBlocks(PythonRuntime runtime, UsedBlocks blocks, UseTable table, Reader memory) {
        this.runtime = runtime;
        this.layout = PythonLayout.of(runtime.series(), runtime.freeThreaded());
        this.blocks = blocks;
        this.table = table;
        this.memory = memory;
        this.spareUse = table.number(TypeUses.category("free list", "blocks of collections.deque"));
        this.parserUse = table.number(TypeUses.category("interpreter", "tables of the parser"));
        this.memberUse = table.number(TypeUses.category("type tp_members", ""));
        this.identifierUse = table.number(TypeUses.category("interpreter", "identifiers"));
    }

    /** Gives those a use that nobody owns. */
    void find(ObjectCursor types) {
        for (int i = 0; i < types.typeCount(); i++) {
            take(memory.readLong(types.typeAt(i) + TypeLayout.MEMBERS, 0), 1, Long.MAX_VALUE, memberUse);
        }
        for (PythonInterpreter interpreter : runtime.interpreters()) {
            identifiers(interpreter.address());
        }
        AddressSpace space = runtime.target().memory();
        List<Range> variables = runtime.variables();
        VariableScan scan = new VariableScan(space, variables);
        while (scan.next()) {
            if (blockAt(scan.word()) >= 0) {
                variable(scan.address(), scan.word());
            }
        }
        spareBlocks();
    }

    /** The unknown block that begins with what was asked for at an address, -1 if there is none. */
    private int blockAt(long word) {
        int block = (word & 7) == 0 ? blocks.at(word) : -1;
        return block >= 0
                        && table.asked(blocks.address(block)) == word
                        && table.get(blocks.address(block)) == UseTable.UNKNOWN
                ? block
                : -1;
    }

    /** Whether a block is one for so many bytes, or of a number of them within bounds; then it has that use. */
    private boolean take(long word, long least, long most, int use) {
        int block = blockAt(word);
        if (block < 0 || !fits(block, word, least, most)) {
            return false;
        }
        table.put(blocks.address(block), use);
        return true;
    }

    private boolean fits(int block, long word, long least, long most) {
        long room = blocks.size(block) - (word - blocks.address(block));
        return least > 0 && room >= least && room - ROUNDED < most;
    }

    private void identifiers(long interpreter) {
        long before = 0;
        for (int at = 0; at < layout.traversal().interpreterBytes(); at += Long.BYTES) {
            long word = memory.readLong(interpreter + at, 0);
            if (before >= LEAST_IDENTIFIERS && Long.bitCount(before) == 1 && before < Integer.MAX_VALUE) {
                take(word, before * Long.BYTES, before * Long.BYTES, identifierUse);
            }
            before = word;
        }
    }

    private void variable(long address, long word) {
        DequeLayout deque = layout.deque();
        if (deque.spareCount() < 0 && fits(blockAt(word), word, deque.blockBytes(), deque.blockBytes())) {
            spare.add(address);
        }
        long bounds = memory.readLong(address - ParserLayout.BOUNDS_BEFORE, 0);
        long entries = (bounds >> HALF) - (int) bounds;
        if ((int) bounds >= 0 && entries > 0 && isVariable(memory.readLong(address - ParserLayout.ARCS_BEFORE, 0))) {
            long bytes = entries * ParserLayout.ACCELERATOR_BYTES;
            take(word, bytes, bytes, parserUse);
        }
    }

    private boolean isVariable(long address) {
        return runtime.variables().stream().anyMatch(range -> address >= range.start() && address < range.end());
    }

    /** Spare blocks lie in a row of variables, and another one near it says how many they are. */
    private void spareBlocks() {
        for (int i = 0; i < spare.size(); ) {
            int behind = i + 1;
            while (behind < spare.size()
                    && behind - i < DequeLayout.MOST_SPARE
                    && spare.get(behind) == spare.get(behind - 1) + Long.BYTES) {
                behind++;
            }
            if (isCounted(spare.get(i), behind - i)) {
                for (long address : spare.subList(i, behind)) {
                    int block = blockAt(memory.readLong(address, 0));
                    if (block >= 0) {
                        table.put(blocks.address(block), spareUse);
                    }
                }
            }
            i = behind;
        }
    }

    private boolean isCounted(long first, int count) {
        for (int i = -NEAR; i <= NEAR; i++) {
            if (memory.readLong(first + (long) i * Long.BYTES, 0) == count) {
                return true;
            }
        }
        return false;
    }
}
