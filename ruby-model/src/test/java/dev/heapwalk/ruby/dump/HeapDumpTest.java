// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.testkit.CoreEditor;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every line is JSON in UTF-8, whatever memory holds. */
class HeapDumpTest {
    private static final int ROUNDS = 6;
    private static final int WORDS = 3_000;

    /** A String with a damaged length may go on to the end of what is mapped. */
    private final ObjectMapper json = new ObjectMapper(JsonFactory.builder()
            .streamReadConstraints(
                    StreamReadConstraints.builder().maxStringLength(Integer.MAX_VALUE).build())
            .build());

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
            assertThat(dump(vm)).isZero();
            Random random = new Random(1);
            long damaged = 0;
            for (int round = 0; round < ROUNDS; round++) {
                for (int i = 0; i < WORDS; i++) {
                    damage(vm, editor, random);
                }
                damaged += dump(vm);
            }
            assertThat(damaged).isGreaterThan(100);
        }
    }

    private static void damage(RubyVm vm, CoreEditor editor, Random random) {
        int page = random.nextInt(vm.pages().count());
        long slot = vm.pages().start(page) + (long) random.nextInt(vm.pages().slots(page)) * vm.pages().slotSize(page);
        long word = slot + 8L * random.nextInt(5);
        long whole = editor.word(word);
        editor.set(word, switch (random.nextInt(6)) {
            case 0 -> whole ^ 1L << random.nextInt(64);
            case 1 -> whole + random.nextInt(64) - 32;
            case 2 -> random.nextLong();
            case 3 -> random.nextInt();
            case 4 -> vm.pages().start(random.nextInt(vm.pages().count())) + random.nextInt(4096) * 8L;
            default -> slot;
        });
    }

    /** Writes all and reads it back. Returns how many objects were damaged. */
    private long dump(RubyVm vm) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        DumpSummary written = HeapDump.of(vm, HeapDump.Id.PLAIN).write(DumpOutput.to(out), slots -> {});
        String text = StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .decode(ByteBuffer.wrap(out.toByteArray()))
                .toString();
        long lines = 0;
        for (String line : (Iterable<String>) text.lines()::iterator) {
            JsonNode object = json.readTree(line);
            assertThat(object.get("id").isTextual()).isTrue();
            lines++;
        }
        assertThat(lines).isEqualTo(written.objects() + 1);
        assertThat(written.bytes()).isEqualTo(out.size());
        return written.damaged();
    }
}
