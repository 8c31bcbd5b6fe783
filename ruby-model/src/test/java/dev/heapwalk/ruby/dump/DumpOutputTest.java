// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.heap.dump.DumpOutput;
import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.BiFunction;
import java.util.function.LongConsumer;
import java.util.function.LongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Dumps of a heap that several threads write, with Strings that no batch has room for. */
class DumpOutputTest {
    private static final int LENGTH = 5_000_000;
    private static final int STRINGS = 5;
    private static final String HEAD = "what was there before\n";

    @TempDir
    private Path folder;

    @Test
    void filesAndStreamsGetTheSameInTheSameOrder() throws Exception {
        Path core;
        try (RubyProcess process = RubyProcess.of(Ruby.TRIXIE, "every_type").start()) {
            process.ask("eval $kept = Array.new(200_000) { |i| i %% 40_000 == 39_999 ? 'x' * %d : \"number #{i}\" }; 1"
                    .formatted(LENGTH));
            core = Cores.gcore(process, folder);
        }
        try (Target target = Target.core(core, Ruby.TRIXIE.root())) {
            RubyVm vm = RubyVm.locate(target);
            check(vm, (out, progress) -> ObjectSpaceDump.of(vm).write(out, progress));
            check(vm, (out, progress) -> HeapDump.of(vm, HeapDump.Id.PLAIN).write(out, progress));
            limited(
                    vm,
                    limit -> (out, progress) ->
                            ObjectSpaceDump.of(vm).atMost(limit).write(out, progress));
            limited(
                    vm,
                    limit -> (out, progress) ->
                            HeapDump.of(vm, HeapDump.Id.MONGO).atMost(limit).write(out, progress));
        }
    }

    /** A dump with a limit is the beginning of the whole one, up to the last line that fits. */
    private void limited(RubyVm vm, LongFunction<BiFunction<DumpOutput, LongConsumer, DumpSummary>> dumps)
            throws IOException {
        ByteArrayOutputStream stream = new ByteArrayOutputStream();
        DumpSummary all = dumps.apply(Long.MAX_VALUE).apply(DumpOutput.to(stream), slots -> {});
        assertThat(all.left()).isZero();
        byte[] whole = stream.toByteArray();
        int head = (int) stream.toString(StandardCharsets.UTF_8).lines().count() - (int) all.objects();
        int longLine = -1;
        for (int i = 0, begin = 0; i < whole.length && longLine < 0; i++) {
            if (whole[i] == '\n') {
                longLine = i - begin > LENGTH ? begin : -1;
                begin = i + 1;
            }
        }
        long[] limits = {
            1,
            longLine - 1,
            longLine + LENGTH / 2,
            longLine + LENGTH + 1000,
            new Random(1).nextInt(whole.length),
            whole.length - 1,
            whole.length
        };
        for (long limit : limits) {
            int end = (int) Math.min(limit, whole.length);
            while (end > 0 && whole[end - 1] != '\n') {
                end--;
            }
            ByteArrayOutputStream some = new ByteArrayOutputStream();
            DumpSummary written = dumps.apply(limit).apply(DumpOutput.to(some), slots -> {});
            assertThat(some.size()).as("bytes of at most %,d", limit).isEqualTo(end);
            assertThat(Arrays.mismatch(some.toByteArray(), 0, end, whole, 0, end))
                    .isEqualTo(-1);
            long lines = some.toString(StandardCharsets.UTF_8).lines().count();
            assertThat(written.bytes()).isEqualTo(end);
            assertThat(written.objects()).isEqualTo(Math.max(0, lines - head));
            if (end == whole.length) {
                assertThat(written).isEqualTo(all);
            } else {
                assertThat(written.objects() + written.left())
                        .isBetween(all.objects(), vm.pages().totalSlots());
            }
            Path file = Files.writeString(folder.resolve("limited"), "");
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                assertThat(dumps.apply(limit)
                                .apply(DumpOutput.to(channel), slots -> {})
                                .objects())
                        .isEqualTo(written.objects());
            }
            assertThat(Files.mismatch(file, Files.write(folder.resolve("stream"), some.toByteArray())))
                    .isEqualTo(-1);
        }
        assertThatThrownBy(() -> dumps.apply(0).apply(DumpOutput.to(OutputStream.nullOutputStream()), slots -> {}))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private void check(RubyVm vm, BiFunction<DumpOutput, LongConsumer, DumpSummary> dump) throws IOException {
        ByteArrayOutputStream stream = new ByteArrayOutputStream();
        List<Long> done = new ArrayList<>();
        DumpSummary written = dump.apply(DumpOutput.to(stream), done::add);
        assertThat(written.bytes()).isEqualTo(stream.size()).isGreaterThan((long) STRINGS * LENGTH);
        assertThat(done).isSorted().last().isEqualTo(vm.pages().totalSlots());

        Path file = Files.writeString(folder.resolve("dump"), HEAD);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.position(HEAD.length());
            assertThat(dump.apply(DumpOutput.to(channel), slots -> {})).isEqualTo(written);
        }
        byte[] bytes = Files.readAllBytes(file);
        // Not for AssertJ, which would tell of all the bytes where they differ.
        assertThat(Arrays.mismatch(bytes, HEAD.length(), bytes.length, stream.toByteArray(), 0, stream.size()))
                .isEqualTo(-1);
        assertThat(new String(bytes, 0, HEAD.length(), StandardCharsets.US_ASCII))
                .isEqualTo(HEAD);

        String text = "\"" + "x".repeat(LENGTH) + "\"";
        assertThat(stream.toString(StandardCharsets.UTF_8)
                        .lines()
                        .filter(line -> line.contains(text))
                        .count())
                .isEqualTo(STRINGS);

        assertThatThrownBy(() -> dump.apply(DumpOutput.to(new Full(stream.size() / 2)), slots -> {}))
                .isInstanceOf(UncheckedIOException.class)
                .hasRootCauseMessage("full");
        try (FileChannel reading = FileChannel.open(file, StandardOpenOption.READ)) {
            assertThatThrownBy(() -> dump.apply(DumpOutput.to(reading), slots -> {}))
                    .isInstanceOf(RuntimeException.class);
        }
    }

    /** Takes so many bytes and no more. */
    private static final class Full extends OutputStream {
        private long room;

        Full(long room) {
            this.room = room;
        }

        @Override
        public void write(int one) throws IOException {
            write(new byte[1], 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            room -= length;
            if (room < 0) {
                throw new IOException("full");
            }
        }
    }
}
