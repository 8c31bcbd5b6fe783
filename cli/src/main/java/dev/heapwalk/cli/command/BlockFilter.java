// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.heap.Heaps;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** The options that say which blocks an answer is about. */
final class BlockFilter extends MinSize {
    @Option(
            names = "--arena",
            paramLabel = "ARENA",
            description = "Only chunks of one arena: its index or its address, as 'heapwalk arenas' shows them; "
                    + "or mmapped, for those that lie in none.")
    private String arena;

    @Override
    void check(AnyCommand command) {
        super.check(command);
        if (arena != null && !ArenaPart.isName(arena)) {
            throw command.wrong(ArenaPart.refusal("--arena", arena));
        }
        takeMappedAlone(ArenaPart.MMAPPED.equals(arena));
    }

    /** The parts of heaps that the answer is about; empty for all heaps. */
    Optional<List<ArenaPart>> parts(Heaps heaps, AnyCommand command) {
        return arena == null ? Optional.empty() : Optional.of(ArenaPart.of(arena, heaps, command));
    }
}
