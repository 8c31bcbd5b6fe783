// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.dump.DumpOutput;
import dev.heapwalk.ruby.dump.DumpSummary;
import dev.heapwalk.ruby.dump.ObjectSpaceDump;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
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
 * A Ruby heap as lines of JSON: {@link ObjectSpaceDump} from outside, beside the {@code ObjectSpace.dump_all} of the
 * same process. The lines are the same but for a few hundredths of a percent. Both write a file; {@link #lines} writes
 * nowhere.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(value = 2, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 5, time = 2)
@Measurement(iterations = 8, time = 2)
public class DumpJson implements Subject {

    /** How many objects the program holds, beside those of the interpreter. */
    @Param("1000000")
    public int objects;

    private RubyProcess process;
    private Target target;
    private RubyVm vm;
    private SlotWalkFloor slots;
    private CopyFloor copy;
    private Path folder;
    private Path file;
    private Written outsideWrites;
    private Written insideWrites;

    /** Made by JMH, which sets the parameters. */
    public DumpJson() {}

    DumpJson(int objects) {
        this.objects = objects;
    }

    /**
     * Starts the program and opens it, and sees to it that both ways write much the same.
     *
     * @throws IOException if the program can't be started or read
     */
    @Setup
    @Override
    public void open() throws IOException {
        process = BenchmarkTarget.ruby(BenchmarkTarget.FRESH, objects);
        target = Target.observe(process.pid());
        vm = RubyVm.locate(target);
        slots = new SlotWalkFloor(vm);
        copy = new CopyFloor((int) process.pid(), slots.ranges());
        folder = Files.createTempDirectory("heapwalk-dump");
        file = folder.resolve("dump.json");
        DumpSummary ours = ObjectSpaceDump.of(vm).write(DumpOutput.to(OutputStream.nullOutputStream()), done -> {});
        outsideWrites = new Written(ours.bytes(), ours.objects());
        insideWrites = written(process.dumpAll());
        if (Math.abs(ours.bytes() - insideWrites.bytes()) > insideWrites.bytes() / 100) {
            throw new IllegalStateException(
                    "%,d bytes from outside, %,d from inside".formatted(ours.bytes(), insideWrites.bytes()));
        }
    }

    /** What the process has written into a file, which is deleted. */
    private static Written written(Path file) throws IOException {
        try (Stream<String> lines = Files.lines(file, StandardCharsets.ISO_8859_1)) {
            // Roots have no address, but shapes have.
            long objects = lines.filter(line -> line.startsWith("{\"address\"") && !line.contains("\"type\":\"SHAPE\""))
                    .count();
            return new Written(Files.size(file), objects);
        } finally {
            Files.delete(file);
        }
    }

    /** Ends the program. */
    @TearDown
    @Override
    public void close() {
        copy.close();
        slots.close();
        target.close();
        process.close();
        try {
            Files.delete(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private long write(DumpOutput out) {
        return ObjectSpaceDump.of(vm).write(out, done -> {}).bytes();
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
            return write(DumpOutput.to(out));
        }
    }

    /**
     * From outside, to a new file.
     *
     * @return how many bytes were written
     */
    @Benchmark
    public long outside() {
        try {
            try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                return write(DumpOutput.to(out));
            } finally {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * By the process itself, to a new file. It does nothing else meanwhile.
     *
     * @return how many bytes were written
     */
    @Benchmark
    public long inside() {
        try {
            Path written = process.dumpAll();
            long size = Files.size(written);
            Files.delete(written);
            return size;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * A plain copy of the slots.
     *
     * @return bytes
     */
    @Benchmark
    public long copy() {
        return copy.copy();
    }

    /** A dump takes long, and much code. */
    @Override
    public int slowToWarmUp() {
        return 5;
    }

    @Override
    public List<Lane> lanes() {
        return List.of(
                new Lane(JAVA, this::outside, outsideWrites, false),
                new Lane(DUMP_ALL, this::inside, insideWrites, false),
                new Lane(COPY, this::copy));
    }
}
