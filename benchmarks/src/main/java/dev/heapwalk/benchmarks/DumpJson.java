// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.dump.ObjectSpaceDump;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A Ruby heap as lines of JSON: {@link ObjectSpaceDump} from outside, beside the {@code ObjectSpace.dump_all} of the same process.
 * The lines are the same but for a few hundredths of a percent. Both write a file; {@link #lines} writes nowhere.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(value = 2, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 5, time = 2)
@Measurement(iterations = 8, time = 2)
public class DumpJson {

    /** How many objects the program holds, beside those of the interpreter. */
    @Param("1000000")
    public int objects;

    private RubyProcess process;
    private Target target;
    private RubyVm vm;
    private Path file;

    /** Made by JMH, which sets the parameters. */
    public DumpJson() {}

    /**
     * Starts the program and opens it, and tells how much there is to write.
     *
     * @throws IOException if the program can't be started or read
     */
    @Setup
    public void open() throws IOException {
        process = BenchmarkTarget.ruby(BenchmarkTarget.FRESH, objects);
        target = Target.observe(process.pid());
        vm = RubyVm.locate(target);
        file = Files.createTempFile("heapwalk-dump", ".json");
        try (OutputStream out = OutputStream.nullOutputStream()) {
            ObjectSpaceDump.Summary summary = ObjectSpaceDump.of(vm).write(out, slots -> {});
            System.out.printf("%,d objects, %,d bytes%n", summary.objects(), summary.bytes());
        }
    }

    /**
     * Ends the program.
     *
     * @throws IOException if the file can't be removed
     */
    @TearDown
    public void close() throws IOException {
        target.close();
        process.close();
        Files.deleteIfExists(file);
    }

    /**
     * From outside, without writing the lines anywhere.
     *
     * @return how many bytes they have
     * @throws IOException never
     */
    @Benchmark
    public long lines() throws IOException {
        try (OutputStream out = OutputStream.nullOutputStream()) {
            return ObjectSpaceDump.of(vm).write(out, slots -> {}).bytes();
        }
    }

    /**
     * From outside, to a file.
     *
     * @return how many bytes were written
     * @throws IOException if the file can't be written
     */
    @Benchmark
    public long outside() throws IOException {
        try (OutputStream out = Files.newOutputStream(file)) {
            return ObjectSpaceDump.of(vm).write(out, slots -> {}).bytes();
        }
    }

    /**
     * By the process itself, to a file. It does nothing else meanwhile.
     *
     * @return how many bytes were written
     * @throws IOException if the process is gone or fails
     */
    @Benchmark
    public long inside() throws IOException {
        Path written = process.dumpAll();
        long size = Files.size(written);
        Files.delete(written);
        return size;
    }
}
