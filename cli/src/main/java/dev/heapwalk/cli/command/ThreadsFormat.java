// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

/** How threads are shown. */
enum ThreadsFormat {
    /** For people. */
    TEXT,
    /** One JSON object a line. */
    JSONL;

    @Override
    public String toString() {
        return this == TEXT ? "text" : "jsonl";
    }
}
