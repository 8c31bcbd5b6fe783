// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

/** What the lines of a dump look like. */
enum DumpFormat {
    /** As those of heap_dump. */
    HEAP_DUMP,
    /** As those of that Ruby's own {@code ObjectSpace.dump_all}. */
    OBJECTSPACE;

    @Override
    public String toString() {
        return this == HEAP_DUMP ? "heap_dump" : "objectspace";
    }
}
