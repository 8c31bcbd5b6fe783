// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

/** What is done if the JVM ends before this is closed: Ctrl-C ends it without closing anything. */
public final class AtExit implements AutoCloseable {
    private final Thread hook;

    public AtExit(String name, Runnable work) {
        hook = new Thread(work, name);
        Runtime.getRuntime().addShutdownHook(hook);
    }

    @Override
    public void close() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The JVM is shutting down, and the hook has run or will.
        }
    }
}
