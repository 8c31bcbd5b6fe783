// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.memory.Target;

/** A program with a heap of a known make, opened as a process or as its core. */
final class BenchmarkTarget implements AutoCloseable {
    private final Target target;

    private BenchmarkTarget(Target target) {
        this.target = target;
    }

    static BenchmarkTarget open(String source, int mallocs) {
        throw new UnsupportedOperationException(source + mallocs);
    }

    Target target() {
        return target;
    }

    @Override
    public void close() {
        target.close();
    }
}
