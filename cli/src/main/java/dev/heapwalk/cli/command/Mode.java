// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

/** Whether a process stands still while it is read. */
enum Mode {
    /** It does. */
    STOP,
    /** It runs on; the answer may be torn. */
    OBSERVE;

    @Override
    public String toString() {
        return this == STOP ? "stop" : "observe";
    }
}
