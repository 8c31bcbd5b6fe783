// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Bytes;
import dev.heapwalk.heap.BlockView;
import picocli.CommandLine.Option;

/** The option that says how large a block must be for an answer to be about it. */
class MinSize {
    @Option(
            names = "--min-size",
            paramLabel = "SIZE",
            description = "Only chunks of at least so many bytes; K, M or G stands for KiB, MiB or GiB, as in 64K.")
    private String minSize;

    private long least;
    private boolean mappedAlone;

    /** Checks what was typed. */
    void check(AnyCommand command) {
        if (minSize != null) {
            least = Bytes.parse(minSize)
                    .orElseThrow(() -> command.wrong(
                            "--min-size must be a number of bytes above zero, such as 4096, 64K or 1M, not '" + minSize
                                    + "'"));
        }
    }

    /** Takes only blocks with a mapping of their own from now on, or all again. */
    final void takeMappedAlone(boolean alone) {
        mappedAlone = alone;
    }

    /** Whether the answer is about a block. */
    final boolean takes(BlockView block) {
        return block.size() >= least && (!mappedAlone || block.ownMapping());
    }

    /** Whether the answer is about blocks of a size. */
    final boolean takes(long size) {
        return size >= least;
    }
}
