// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

import java.util.ArrayList;
import java.util.List;

/** Numbers one behind the other, in pieces, so that they need no more memory while there come to be more. */
final class IntPieces {
    private static final int SHIFT = 14;

    private final List<int[]> pieces = new ArrayList<>();
    private int size;

    int size() {
        return size;
    }

    int get(int index) {
        return pieces.get(index >>> SHIFT)[index & (1 << SHIFT) - 1];
    }

    void add(int number) {
        int piece = size >>> SHIFT;
        if (piece == pieces.size()) {
            pieces.add(new int[1 << SHIFT]);
        }
        pieces.get(piece)[size++ & (1 << SHIFT) - 1] = number;
    }

    /**
     * Takes all out.
     *
     * @param kept for how many the memory is kept
     */
    void clear(int kept) {
        size = 0;
        int piece = (kept >>> SHIFT) + 1;
        if (piece < pieces.size()) {
            pieces.subList(piece, pieces.size()).clear();
        }
    }
}
