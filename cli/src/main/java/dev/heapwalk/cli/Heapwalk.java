// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

/** The command's entry. */
public final class Heapwalk {
    private Heapwalk() {}

    /**
     * Runs the command.
     *
     * @param args its arguments
     */
    public static void main(String[] args) {
        System.exit(2);
    }
}
