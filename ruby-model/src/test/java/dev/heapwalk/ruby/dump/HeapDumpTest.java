// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import dev.heapwalk.heap.dump.DumpOutput;
import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.testkit.CoreEditor;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.DanglingReferences;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every line is JSON in UTF-8, whatever memory holds. A String with a damaged length may go on to the end of what is
 * mapped, and each of its bytes take six, so that nothing here keeps a dump or a line of it.
 */
class HeapDumpTest {
    private static final int ROUNDS = 6;
    private static final int WORDS = 3_000;

    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxStringLength(Integer.MAX_VALUE)
                    .build())
            .build();

    @TempDir
    Path folder;

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void everyLineIsJsonWhateverMemoryHolds(Ruby ruby) throws Exception {
        Path core;
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            core = Cores.gcore(process, folder);
        }
        try (Target target = Target.core(core, ruby.root());
                CoreEditor editor = new CoreEditor(core)) {
            RubyVm vm = RubyVm.locate(target);
            assertThat(dump(vm, true)).isZero();
            Random random = new Random(1);
            long damaged = 0;
            for (int round = 0; round < ROUNDS; round++) {
                for (int i = 0; i < WORDS; i++) {
                    damage(vm, editor, random);
                }
                damaged += dump(vm, false);
            }
            assertThat(damaged).isGreaterThan(100);
        }
    }

    private static void damage(RubyVm vm, CoreEditor editor, Random random) {
        int page = random.nextInt(vm.pages().count());
        long slot = vm.pages().start(page)
                + (long) random.nextInt(vm.pages().slots(page)) * vm.pages().slotSize(page);
        long word = slot + 8L * random.nextInt(5);
        long whole = editor.word(word);
        editor.set(
                word,
                switch (random.nextInt(6)) {
                    case 0 -> whole ^ 1L << random.nextInt(64);
                    case 1 -> whole + random.nextInt(64) - 32;
                    case 2 -> random.nextLong();
                    case 3 -> random.nextInt();
                    case 4 -> vm.pages().start(random.nextInt(vm.pages().count())) + random.nextInt(4096) * 8L;
                    default -> slot;
                });
    }

    /** Writes all and reads it back. Returns how many objects were damaged. */
    private long dump(RubyVm vm, boolean whole) throws IOException {
        Path file = folder.resolve("dump");
        DumpSummary written;
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            written = HeapDump.of(vm, HeapDump.Id.PLAIN).write(DumpOutput.to(channel), slots -> {});
        }
        assertThat(written.bytes()).isEqualTo(Files.size(file));
        assertUtf8(file);
        assertThat(objects(file)).isEqualTo(written.objects() + 1);
        if (whole) {
            assertThat(DanglingReferences.of(file)).isEmpty();
        }
        Files.delete(file);
        return written.damaged();
    }

    private static void assertUtf8(Path file) throws IOException {
        char[] piece = new char[1 << 16];
        int last = 0;
        // Unlike one made by a charset, this decoder throws at what is malformed.
        try (Reader reader = new InputStreamReader(Files.newInputStream(file), StandardCharsets.UTF_8.newDecoder())) {
            for (int count = reader.read(piece); count > 0; count = reader.read(piece)) {
                last = piece[count - 1];
            }
        }
        assertThat(last).isEqualTo('\n');
    }

    /**
     * Parses a file without keeping any of it, and counts its objects: one a line, each with an {@code id} that is a
     * text.
     */
    private static long objects(Path file) throws IOException {
        long lines = 0;
        try (JsonParser json = JSON.createParser(file.toFile())) {
            while (json.nextToken() != null) {
                assertThat(json.currentToken()).isEqualTo(JsonToken.START_OBJECT);
                assertThat(json.currentTokenLocation().getLineNr()).isEqualTo(++lines);
                boolean named = false;
                while (json.nextToken() != JsonToken.END_OBJECT) {
                    boolean id = json.currentName().equals("id");
                    JsonToken value = json.nextToken();
                    named |= id && value == JsonToken.VALUE_STRING;
                    json.skipChildren();
                }
                assertThat(named).as("line %d has an id", lines).isTrue();
                assertThat(json.currentTokenLocation().getLineNr()).isEqualTo(lines);
            }
        }
        return lines;
    }
}
