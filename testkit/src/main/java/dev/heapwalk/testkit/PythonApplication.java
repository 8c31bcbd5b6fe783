// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** What the script {@code world.py} of the testkit runs. */
public enum PythonApplication {
    /** A web application of Flask, and who asks it. */
    FLASK("flask"),
    /** One of Django, with a database. */
    DJANGO("django"),
    /** NumPy, lxml and sqlite3. */
    SCIENCE("numpy, lxml.etree"),
    /** A server with its clients, queues and tasks. */
    ASYNCIO("asyncio.runners"),
    /** Much of the standard library. */
    LIBRARY("contextvars, sqlite3, ssl");

    private static final Map<String, Boolean> FOUND = new ConcurrentHashMap<>();

    private final String needed;

    PythonApplication(String needed) {
        this.needed = needed;
    }

    String argument() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * Whether an interpreter has what the application needs. Those of the Debian releases have it, but for sid's beside
     * its own version, which have no NumPy and lxml.
     *
     * @param python the interpreter
     * @return whether it can be started there
     */
    public boolean isOn(Python python) {
        return FOUND.computeIfAbsent(python + " " + needed, key -> imports(python));
    }

    private boolean imports(Python python) {
        try {
            Process process = new ProcessBuilder(python.command(List.of(), List.of("-c", "import " + needed)))
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return process.waitFor() == 0;
        } catch (IOException e) {
            throw new UncheckedIOException("could not ask " + python + " for " + needed, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while " + python + " was asked", e);
        }
    }
}
