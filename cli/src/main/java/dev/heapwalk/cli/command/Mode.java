// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import java.util.Locale;

/** What becomes of a process while it is read. */
enum Mode {
    /** It forks a frozen copy, which is read, where it would stand still for long; else it stands still. */
    AUTO,
    /** It forks a frozen copy, which is read. */
    FORK,
    /** It stands still. */
    STOP,
    /** It runs on; the answer may be torn. */
    OBSERVE;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
