// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A program with a heap of a known make, opened as a process or as its core. */
final class BenchmarkTarget implements Subject.Ready {
    private interface CoreMaker {
        Path into(Path folder) throws IOException;
    }

    private final AutoCloseable process;
    private final Target target;

    private BenchmarkTarget(AutoCloseable process, Target target) {
        this.process = process;
        this.target = target;
    }

    /** Starts a ledger program that calls malloc so many times, and opens it. */
    static BenchmarkTarget of(Source source, MallocProgram program, int mallocs) throws IOException {
        LedgerProcess process = program.start(mallocs);
        return open(source, process, process.pid(), Path.of("/"), folder -> Cores.gcore(process, folder));
    }

    /** Starts a ledger program that calls malloc of another allocator so many times, in threads, and opens it. */
    static BenchmarkTarget of(Source source, Allocator allocator, int mallocs) throws IOException {
        LedgerProcess process = allocator.start(mallocs);
        return open(
                source,
                process,
                process.pid(),
                process.release().root(false).orElseThrow(),
                folder -> Cores.gcore(process, folder));
    }

    /** Starts a Ruby program that keeps so many objects, and opens it. */
    static BenchmarkTarget of(Source source, RubyProgram program, int objects) throws IOException {
        return of(source, program.start(objects));
    }

    /** Opens a Ruby program. */
    static BenchmarkTarget of(Source source, RubyProcess process) throws IOException {
        return open(source, process, process.pid(), process.ruby().root(), folder -> Cores.gcore(process, folder));
    }

    /** Starts a Python program that keeps so many instances, each with a number and a text, and opens it. */
    static BenchmarkTarget python(Source source, int instances) throws IOException {
        PythonProcess process = PythonProcess.of(Python.trixie()).start();
        try {
            process.ask("fill " + instances);
        } catch (IOException | RuntimeException e) {
            process.close();
            throw e;
        }
        return open(source, process, process.pid(), process.python().root(), folder -> Cores.gcore(process, folder));
    }

    private static BenchmarkTarget open(Source source, AutoCloseable process, long pid, Path sysroot, CoreMaker core)
            throws IOException {
        try {
            return new BenchmarkTarget(
                    process,
                    switch (source) {
                        case PROCESS -> Target.observe(pid);
                        case CORE -> core(sysroot, core);
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
