// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** A Java program with objects in Java's heap, and with native memory of which every second block was freed. */
public final class JavaTarget {
    private static final int BLOCKS = 6_000;
    private static final int BLOCK = 8_000;

    private static final List<Object> KEPT = new ArrayList<>();

    private JavaTarget() {}

    /**
     * Runs it until its input ends.
     *
     * @param args none
     * @throws IOException if it can't be read
     */
    public static void main(String[] args) throws IOException {
        for (int i = 0; i < 200; i++) {
            KEPT.add(new byte[100_000]);
        }
        List<Arena> blocks = new ArrayList<>();
        for (int i = 0; i < BLOCKS; i++) {
            Arena block = Arena.ofConfined();
            block.allocate(BLOCK).fill((byte) 1);
            blocks.add(block);
        }
        for (int i = 0; i < BLOCKS; i++) {
            if (i % 2 == 0) {
                blocks.get(i).close();
            }
        }
        System.out.println("READY");
        System.in.read();
        System.exit(KEPT.size() + blocks.size() > 0 ? 0 : 1);
    }
}
