// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.heap.BlockState;
import java.util.EnumSet;
import picocli.CommandLine.Command;

/** {@code heapwalk all}: every chunk. */
@Command(name = "all", description = "List every chunk, used or not.")
final class All extends UsageList {
    All() {
        super(EnumSet.allOf(BlockState.class));
    }
}
