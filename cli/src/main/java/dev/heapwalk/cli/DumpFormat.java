// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

/** What the lines of a dump look like. */
enum DumpFormat {
    /** As those of heap_dump. */
    HEAP_DUMP;

    @Override
    public String toString() {
        return "heap_dump";
    }
}
