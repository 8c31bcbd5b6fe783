// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

/** Ctrl-C where it ends a command, and not this process. */
public final class Interruption extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private static volatile boolean wanted;

    private Interruption() {
        super("interrupted", null, false, false);
    }

    /** Has the command end that runs. */
    public static void request() {
        wanted = true;
    }

    /** Has a new command run, until it is to be ended. */
    public static void forget() {
        wanted = false;
    }

    /**
     * Goes on.
     *
     * @throws Interruption if the command is to end
     */
    public static void check() {
        if (wanted) {
            throw new Interruption();
        }
    }
}
