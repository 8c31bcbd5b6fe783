// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.RowSink;

/** Writes rows as a {@link Format} has them, while more of them are found. */
public interface RowWriter extends RowSink {
    /** Writes what was given so far, as far as it need not wait for more. */
    void flush();

    /** Waits for no more rows to see how wide a table must be. */
    void settle();

    /** Ends the rows. */
    void finish();
}
