// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.heap.BlockState;
import java.util.EnumSet;
import picocli.CommandLine.Command;

/** {@code heapwalk used}: the chunks that the program has. */
@Command(name = "used", description = "List every used chunk: what malloc returned, its size, and what it is used for.")
final class Used extends UsageList {
    Used() {
        super(EnumSet.of(BlockState.USED));
    }
}
