// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

/**
 * What rows look like.
 *
 * @param human whether amounts of bytes are written in KiB, MiB and so on, in any format
 * @param width how many characters a line of a table may have; 0 for as many as it takes
 * @param more whether rows with the same columns were written before, so that CSV needs no head
 */
public record Look(boolean human, int width, boolean more) {}
