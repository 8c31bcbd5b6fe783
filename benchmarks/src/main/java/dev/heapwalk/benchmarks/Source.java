// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

/** Where a heap is read from. */
enum Source {
    /** From a process, which stands still: what is read is copied. */
    PROCESS("process"),
    /** From its core, which is mapped. */
    CORE("core");

    private final String label;

    Source(String label) {
        this.label = label;
    }

    /** As it stands in names. */
    String label() {
        return label;
    }
}
