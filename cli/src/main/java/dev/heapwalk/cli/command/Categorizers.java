// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.CategorizerProvider;
import dev.heapwalk.heap.usage.UsageCursor;
import java.util.List;

/** What tells uses; found when it is first needed, which is before a process is stopped. */
final class Categorizers {
    private List<CategorizerProvider> found = List.of();

    /** Walks all heaps, and asks what each block is used for. */
    UsageCursor over(Heaps heaps) {
        return UsageCursor.over(heaps, found());
    }

    /** Walks a part of a heap, and asks what each block is used for. */
    UsageCursor over(Heaps heaps, ArenaPart part) {
        return UsageCursor.over(heaps, part.blocks(), found());
    }

    private List<CategorizerProvider> found() {
        if (found.isEmpty()) {
            found = UsageCursor.providers();
        }
        return found;
    }
}
