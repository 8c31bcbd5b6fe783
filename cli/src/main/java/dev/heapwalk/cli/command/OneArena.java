// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Target;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code heapwalk arena}: every chunk of one arena. */
@Command(name = "arena", description = "List every chunk of one arena, used or not.")
final class OneArena extends RowsCommand {
    @Parameters(
            index = "0",
            paramLabel = "ARENA",
            description = "Its index or its address, as 'heapwalk arenas' shows them; or mmapped, for the chunks that "
                    + "lie in none.")
    private String arena;

    @Parameters(index = "1", paramLabel = "TARGET", description = TargetCommand.TARGET)
    private String target;

    @Mixin
    private MinSize minSize;

    private final Categorizers categorizers = new Categorizers();

    @Override
    String target() {
        return TwoWords.swapped(arena, target) ? arena : target;
    }

    private String arena() {
        return TwoWords.swapped(arena, target) ? target : arena;
    }

    @Override
    List<Column> sortable() {
        return Listing.COLUMNS;
    }

    @Override
    Optional<String> largest() {
        return Optional.of("size");
    }

    @Override
    boolean printsMeanwhile() {
        return order(Listing.COLUMNS).isEmpty();
    }

    @Override
    void check() {
        super.check();
        minSize.check(this);
        TwoWords.refuseDoubtful(arena, target, this);
        if (!ArenaPart.isName(arena())) {
            throw wrong(ArenaPart.refusal("ARENA", arena));
        }
    }

    @Override
    Optional<HeapCommand.Scope> located() {
        return Optional.of(HeapCommand.Scope.ALL);
    }

    @Override
    Report read(Target opened, Problems problems, Progress progress) {
        return looks(opened).at(opened, problems, seen -> look(heaps(opened), opened, seen, progress));
    }

    private Report look(Heaps heaps, Target opened, Problems problems, Progress progress) {
        problems.notices(heaps.allocators().notices());
        List<ArenaPart> parts = ArenaPart.of(arena(), heaps, this);
        minSize.takeMappedAlone(parts.getFirst().index() < 0);
        Listing listing = listing(EnumSet.allOf(BlockState.class), minSize, opened);
        for (ArenaPart part : parts) {
            listing.add(part.heap(), categorizers.over(heaps, part), problems, progress);
            problems.add(part.heap(), part.heap().damage());
            part.heap().missing().forEach(problems::missing);
        }
        return listing;
    }
}
