// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A program with a heap of a known make, opened as a process or as its core. */
final class BenchmarkTarget implements AutoCloseable {
    /** Small blocks, none of them freed. */
    static final String FRESH = "fresh";
    /** Small blocks, some of them freed again at random. */
    static final String FRAGMENTED = "fragmented";
    /** The same, allocated by several threads in as many arenas. */
    static final String ARENAS = "arenas";
    /** Blocks of 100 KiB. */
    static final String LARGE = "large";

    private static final int THREADS = 12;

    private interface CoreMaker {
        Path into(Path folder) throws IOException;
    }

    private final AutoCloseable process;
    private final Target target;

    private BenchmarkTarget(AutoCloseable process, Target target) {
        this.process = process;
        this.target = target;
    }

    /** Starts a ledger program that has called malloc so many times. */
    static LedgerProcess ledger(String heap, int mallocs) throws IOException {
        LedgerProcess.Launch launch = switch (heap) {
            case FRESH -> LedgerProcess.of(Release.HOST, "many").option("freed", 0);
            case FRAGMENTED -> LedgerProcess.of(Release.HOST, "many");
            case ARENAS -> LedgerProcess.of(Release.HOST, "many").option("threads", THREADS);
            default -> LedgerProcess.of(Release.HOST, heap);
        };
        return launch.option("count", mallocs).start();
    }

    /** Starts a Ruby program that keeps so many objects: strings, and arrays of two elements. */
    static RubyProcess ruby(String heap, int objects) throws IOException {
        RubyProcess process = RubyProcess.of(Ruby.TRIXIE, "every_type").start();
        String make = "Array.new(%d) { |i| i %% 3 == 0 ? [i, i] : \"object number #{i}\" }";
        try {
            process.ask("eval "
                    + switch (heap) {
                        case FRESH -> "$kept = " + make.formatted(objects) + "; GC.start; 1";
                        case FRAGMENTED ->
                            "r = Random.new(1); $kept = " + make.formatted(2 * objects)
                                    + ".select { r.rand(2) == 0 }; GC.start; 1";
                        default ->
                            throw new IllegalArgumentException("a Ruby heap is fresh or fragmented, not " + heap);
                    });
            return process;
        } catch (IOException | RuntimeException e) {
            process.close();
            throw e;
        }
    }

    /** A ledger program, opened. */
    static BenchmarkTarget malloc(String source, String heap, int mallocs) throws IOException {
        LedgerProcess process = ledger(heap, mallocs);
        return open(source, process, process.pid(), Path.of("/"), folder -> Cores.gcore(process, folder));
    }

    /** A Ruby program, opened. */
    static BenchmarkTarget ruby(String source, RubyProcess process) throws IOException {
        return open(source, process, process.pid(), process.ruby().root(), folder -> Cores.gcore(process, folder));
    }

    private static BenchmarkTarget open(String source, AutoCloseable process, long pid, Path sysroot, CoreMaker core)
            throws IOException {
        try {
            return new BenchmarkTarget(
                    process,
                    switch (source) {
                        case "process" -> Target.observe(pid);
                        case "core" -> core(sysroot, core);
                        default -> throw new IllegalArgumentException("source is process or core, not " + source);
                    });
        } catch (IOException | RuntimeException e) {
            close(process);
            throw e;
        }
    }

    private static Target core(Path sysroot, CoreMaker maker) throws IOException {
        Path folder = Files.createTempDirectory("heapwalk-core");
        try {
            Path core = maker.into(folder);
            try {
                return Target.core(core, sysroot);
            } finally {
                // The mapping keeps the bytes.
                Files.delete(core);
            }
        } finally {
            Files.delete(folder);
        }
    }

    Target target() {
        return target;
    }

    @Override
    public void close() {
        target.close();
        close(process);
    }

    private static void close(AutoCloseable process) {
        try {
            process.close();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
