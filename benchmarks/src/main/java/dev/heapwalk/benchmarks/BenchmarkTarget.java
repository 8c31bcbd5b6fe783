// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A program with a heap of a known make, opened as a process or as its core. */
final class BenchmarkTarget implements AutoCloseable {
    private final LedgerProcess process;
    private final Target target;

    private BenchmarkTarget(LedgerProcess process, Target target) {
        this.process = process;
        this.target = target;
    }

    static BenchmarkTarget open(String source, int mallocs) throws IOException {
        LedgerProcess process =
                LedgerProcess.of(Release.HOST, "many").option("count", mallocs).start();
        try {
            return switch (source) {
                case "process" -> new BenchmarkTarget(process, Target.observe(process.pid()));
                case "core" -> new BenchmarkTarget(process, core(process));
                default -> throw new IllegalArgumentException("source is process or core, not " + source);
            };
        } catch (Throwable e) {
            process.close();
            throw e;
        }
    }

    private static Target core(LedgerProcess process) throws IOException {
        Path folder = Files.createTempDirectory("heapwalk-core");
        Path core = Cores.gcore(process, folder);
        try {
            return Target.core(core);
        } finally {
            // The mapping keeps the bytes.
            Files.delete(core);
            Files.delete(folder);
        }
    }

    Target target() {
        return target;
    }

    @Override
    public void close() {
        target.close();
        process.close();
    }
}
