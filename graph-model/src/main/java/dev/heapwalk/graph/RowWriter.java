// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.memory.raw.LocalArray;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Takes the rows of nodes in any order, and keeps them until all are there. For one thread. */
final class RowWriter implements AutoCloseable {
    private static final int PIECE = 1 << 18;
    private static final int HEAD = 2;
    /** So many edges of a row are compared with a new one: most nodes have few. */
    private static final int COMPARED = 12;

    /** Takes a row. */
    @FunctionalInterface
    interface Taker {
        void row(int node, LocalArray piece, long at, int count);
    }

    private final Tables tables;
    private final List<LocalArray> pieces = new ArrayList<>();
    private final List<Integer> lengths = new ArrayList<>();
    private int[] row = new int[256];
    private int count;
    private int length = PIECE;
    private long edges;

    RowWriter(Tables tables) {
        this.tables = tables;
    }

    /** Takes an edge of the next row, unless the row has it already as one of the last. */
    void add(int word) {
        for (int i = count; --i >= HEAD && i > count - COMPARED; ) {
            if (row[i] == word) {
                return;
            }
        }
        if (count == row.length) {
            row = Arrays.copyOf(row, 2 * count);
        }
        row[count++] = word;
    }

    void begin() {
        count = HEAD;
    }

    int edgesOfRow() {
        return count - HEAD;
    }

    int wordOfRow(int i) {
        return row[HEAD + i];
    }

    /** Ends the row, which is that of a node. */
    void end(int node) {
        if (count == HEAD) {
            return;
        }
        row[0] = node;
        row[1] = count - HEAD;
        if (count > PIECE - length || pieces.isEmpty()) {
            keepLength();
            pieces.add(tables.ints(Math.max(PIECE, count)));
            length = 0;
        }
        pieces.getLast().putAll(row, length, count);
        length += count;
        edges += count - HEAD;
    }

    private void keepLength() {
        if (!pieces.isEmpty()) {
            lengths.add(length);
        }
    }

    long edges() {
        return edges;
    }

    void forEach(Taker taker) {
        for (int i = 0; i < pieces.size(); i++) {
            LocalArray piece = pieces.get(i);
            int end = i < lengths.size() ? lengths.get(i) : length;
            for (int at = 0; at < end; ) {
                int edgesOfRow = piece.intAt(at + 1L);
                taker.row(piece.intAt(at), piece, at + HEAD, edgesOfRow);
                at += HEAD + edgesOfRow;
            }
        }
    }

    @Override
    public void close() {
        pieces.forEach(tables::free);
        pieces.clear();
        lengths.clear();
        length = PIECE;
    }
}
