// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.machine.InjectedCall;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** Finds the instructions that an {@link InjectedCall} needs in the code of a process: the C library has both. */
final class CodeSearch {
    /** How much code is looked at, in bytes. */
    private static final long MOST = 256 << 20;

    private static final int PIECE = 1 << 20;
    /** An instruction may reach into the next piece. */
    private static final int OVERLAP = 16;

    private long call;
    private long restorer;

    private CodeSearch() {}

    /**
     * Searches.
     *
     * @param memory of the process
     * @return what makes calls there; empty if the code has no such instructions
     */
    static Optional<InjectedCall> in(AddressSpace memory) {
        List<Mapping> code = new ArrayList<>();
        for (Mapping mapping : memory.mappings()) {
            if (mapping.readable() && mapping.executable() && !mapping.writable() && mapping.start() > 0) {
                code.add(mapping);
            }
        }
        code.sort(Comparator.comparing(mapping -> !mapping.path().contains("libc")));
        CodeSearch search = new CodeSearch();
        long left = MOST;
        for (Mapping mapping : code) {
            long end = Math.min(mapping.end(), mapping.start() + left);
            search.look(memory, mapping.start(), end);
            left -= end - mapping.start();
            if (search.call != 0 && search.restorer != 0) {
                return Optional.of(new InjectedCall(search.call, search.restorer));
            }
        }
        return Optional.empty();
    }

    private void look(AddressSpace memory, long start, long end) {
        for (long at = start; at < end && (call == 0 || restorer == 0); at += PIECE - OVERLAP) {
            byte[] bytes = new byte[(int) Math.min(PIECE, end - at)];
            int got = (int) memory.read(at, MemorySegment.ofArray(bytes));
            for (int i = 0; i + OVERLAP <= got; i++) {
                // 0f 05 is the call, 15 its number for the restorer.
                if (call == 0 && InjectedCall.isCall(bytes, i)) {
                    call = at + i;
                }
                if (restorer == 0 && InjectedCall.isRestorer(bytes, i)) {
                    restorer = at + i;
                }
            }
            if (got < bytes.length) {
                return;
            }
        }
    }
}
