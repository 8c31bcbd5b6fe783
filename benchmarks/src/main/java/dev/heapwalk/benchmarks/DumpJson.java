// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.heap.dump.DumpOutput;
import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.RubyVm;
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
import java.util.function.ToLongFunction;
import java.util.stream.Stream;

/**
 * A Ruby heap as lines of JSON: {@link ObjectSpaceDump} from outside, beside the {@code ObjectSpace.dump_all} of the
 * same process. The lines are the same but for a few hundredths of a percent. Both write a
 * file; a second subject tells what the lines take that are written nowhere.
 */
final class DumpJson implements Subject.Ready {
    private static final int OBJECTS = 1_000_000;

    private final RubyProcess process;
    private final Target target;
    private final RubyVm vm;
    private final SlotWalkFloor slots;
    private final CopyFloor copy;
    private final Path folder;
    private final Path file;
    private final Written outsideWrites;
    private final Written insideWrites;

    /** Dumps to a file, and to nowhere. */
    static List<Subject<?>> subjects() {
        return List.of(
                dump("process", Suite.Set.QUICK, DumpJson::outside),
                dump("process/nowhere", Suite.Set.FULL, DumpJson::nowhere));
    }

    private static Subject<DumpJson> dump(String how, Suite.Set set, ToLongFunction<DumpJson> ours) {
        return Subject.of("DumpJson/%s/%s".formatted(how, Suite.count(OBJECTS)), set, DumpJson::new)
                .wayOfOthers(Way.JAVA, ours, on -> on.outsideWrites)
                .wayOfOthers(Way.DUMP_ALL, DumpJson::inside, on -> on.insideWrites)
                .way(Way.COPY, DumpJson::copy)
                .allocates(Allocation.BY_NATURE)
                // A dump takes long, and much code.
                .slowToWarmUp(5);
    }

    /** Starts the program and opens it, and sees to it that both ways write much the same. */
    private DumpJson() throws IOException {
        process = RubyProgram.FRESH.start(OBJECTS);
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

    /** Writes the lines nowhere, from outside; returns how many bytes they have. */
    private long nowhere() {
        try (OutputStream out = OutputStream.nullOutputStream()) {
            return write(DumpOutput.to(out));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Writes a new file, from outside; returns how many bytes. */
    private long outside() {
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

    /** Has the process itself write a new file, which does nothing else meanwhile; returns how many bytes. */
    private long inside() {
        try {
            Path written = process.dumpAll();
            long size = Files.size(written);
            Files.delete(written);
            return size;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Copies the slots; returns the bytes. */
    private long copy() {
        return copy.copy();
    }
}
