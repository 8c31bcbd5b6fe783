// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.heap.dump.DumpOutput;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What the C extensions that programs use most refer to, as Debian packages them: whatever Ruby finds by running their
 * code is in our dumps.
 */
class PackagedExtensionsTest {
    /** What the thread that writes Ruby's own dump goes on changing. */
    private static final Set<String> RUNNING = Set.of("VM/thread", "fiber");

    /** What code fills in as it runs. */
    private static final Set<String> CACHES = Set.of("callcache", "constcache", "callinfo");

    /** Whose mark functions are not understood, so that their references are guessed. */
    private static final Set<String> GUESSED = Set.of("Oj::Cache", "FFI::StructLayout");

    @TempDir
    private Path folder;

    private Path written(String name, ObjectSpaceDump dump) throws IOException {
        Path file = folder.resolve(name);
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            assertThat(dump.write(DumpOutput.to(out), slots -> {}).damaged()).isZero();
        }
        return file;
    }

    private Path written(String name, HeapDump dump) throws IOException {
        Path file = folder.resolve(name);
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            assertThat(dump.write(DumpOutput.to(out), slots -> {}).damaged()).isZero();
        }
        return file;
    }

    private static Set<String> without(Set<String> all, Set<String> some) {
        Set<String> rest = new TreeSet<>(all);
        rest.removeAll(some);
        return rest;
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#withGems")
    void lacksNothingThatRubyFinds(Ruby ruby) throws Exception {
        Path whole;
        Path exact;
        Path contents;
        Path exactContents;
        Map<String, JsonNode> theirs = new HashMap<>();
        // What a block held before is another guess in each run.
        try (RubyProcess process =
                RubyProcess.of(ruby, "gems").env("MALLOC_PERTURB_", "165").start()) {
            try (Target target = Target.attach(process.pid())) {
                RubyVm vm = RubyVm.locate(target);
                whole = written("whole.json", ObjectSpaceDump.of(vm));
                exact = written("exact.json", ObjectSpaceDump.of(vm).exactReferences());
                contents = written("contents.json", HeapDump.of(vm, HeapDump.Id.PLAIN));
                exactContents = written(
                        "exact_contents.json",
                        HeapDump.of(vm, HeapDump.Id.PLAIN).exactReferences());
            }
            theirs.putAll(DumpLines.of(process.dumpAll(), false).parsed());
        }
        Map<String, JsonNode> ours = DumpLines.of(whole, true).parsed();
        Map<String, JsonNode> sure = DumpLines.of(exact, true).parsed();
        Map<String, JsonNode> lines = DumpLines.ofHeapDump(contents);
        Map<String, JsonNode> sureLines = DumpLines.ofHeapDump(exactContents);

        Set<String> missing = new TreeSet<>();
        Map<String, Integer> tooMuch = new TreeMap<>();
        Map<String, Integer> types = new TreeMap<>();
        Set<String> notUnderstood = new TreeSet<>();
        for (Map.Entry<String, JsonNode> line : theirs.entrySet()) {
            String address = line.getKey();
            JsonNode own = ours.get(address);
            String type = line.getValue().path("struct").asText();
            if (own == null || RUNNING.contains(type)) {
                continue;
            }
            // What Ruby allocated for its dump is not in ours.
            Set<String> found = DumpLines.references(line.getValue(), "references");
            found.retainAll(ours.keySet());
            found.removeIf(
                    one -> CACHES.contains(theirs.get(one).path("imemo_type").asText()));
            Set<String> refers = DumpLines.references(own, "references");
            Set<String> guessed = DumpLines.references(lines.get(address), "guessed");
            Set<String> certain = DumpLines.references(sure.get(address), "references");
            without(found, refers).forEach(one -> missing.add(own + " lacks " + one));
            assertThat(sureLines.get(address).has("guessed")).as(address).isFalse();
            if (!line.getValue().path("type").asText().equals("DATA")) {
                assertThat(guessed).as("guesses of %s", own).isEmpty();
                continue;
            }
            JsonNode klass = lines.get(lines.get(address).path("class").asText());
            String name = klass == null ? "hidden" : klass.path("name").asText("singleton");
            types.merge(name, 1, Integer::sum);
            Set<String> refs = DumpLines.references(lines.get(address), "refs");
            without(found, refs).forEach(one -> missing.add(lines.get(address) + " lacks " + one));
            if (guessed.isEmpty()) {
                assertThat(certain).as("references of %s", own).isEqualTo(refers);
                assertThat(without(refers, found)).as("too much of %s", own).isEmpty();
            } else {
                notUnderstood.add(name);
                assertThat(guessed).as("guesses of %s", own).containsAll(without(refers, certain));
                assertThat(certain).as("references of %s", own).isSubsetOf(found);
                assertThat(DumpLines.references(sureLines.get(address), "refs")).isSubsetOf(found);
                tooMuch.merge(name, without(refers, found).size(), Integer::sum);
            }
        }
        assertThat(missing).isEmpty();
        // Each extension has objects, or this shows little.
        assertThat(types)
                .containsKeys("Nokogiri::XML::Element", "Nokogiri::XML::Namespace", "Nokogiri::XML::Reader")
                .containsKeys("SQLite3::Database", "SQLite3::Statement")
                .containsKeys("MessagePack::Packer", "MessagePack::Unpacker", "MessagePack::Factory")
                .containsKeys("Tree", "Google::Protobuf::RepeatedField", "Google::Protobuf::Map")
                .containsKeys("FFI::MemoryPointer", "FFI::Function", "Native::Point", "FFI::StructLayout")
                .containsKeys("Oj::Doc", "Oj::StringWriter");
        assertThat(notUnderstood).isSubsetOf(GUESSED);
        // A layout knows the fields and types that its list of fields has, too.
        assertThat(tooMuch.getOrDefault("Oj::Cache", 0)).as("%s", tooMuch).isZero();
        assertThat(tooMuch.getOrDefault("FFI::StructLayout", 0))
                .as("%s", tooMuch)
                .isLessThanOrEqualTo(26);
    }
}
