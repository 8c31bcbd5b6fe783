// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.heap.dump.DumpOutput;
import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.raw.Buffers;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.gc.Reachability;
import dev.heapwalk.ruby.vm.Interpreter;
import dev.heapwalk.ruby.vm.RubyThreads;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What only a C extension's own code knows of references, beside what Ruby finds by running that code. */
class ExtensionReferencesTest {
    /** Whose references no memory shows. */
    private static final String HIDDEN = "opaque/hidden";

    @TempDir
    private Path folder;

    /** An object of the extension, as the target describes it. */
    private record Keeper(String address, String kind, String way, List<String> kept) {
        static Keeper of(String line) {
            List<String> words = List.of(line.split(" "));
            return new Keeper(words.get(0), words.get(1), words.get(2), words.subList(3, words.size()));
        }

        String type() {
            return kind + "/" + way;
        }
    }

    private static RubyProcess start(Ruby ruby, int parts) throws IOException {
        CProgram extension = CProgram.portable("keeps", "-O2", "-fstack-protector-strong", "-shared", "-fPIC");
        Path copy = Files.createTempFile(ruby.root().resolve("tmp"), "heapwalk-keeps", ".so");
        try {
            Files.copy(extension.file(), copy, StandardCopyOption.REPLACE_EXISTING);
            return RubyProcess.of(ruby, "keeps")
                    .argument("/tmp/" + copy.getFileName())
                    .argument(parts)
                    // What a block held before leads anywhere, and is another guess in each run.
                    .env("MALLOC_PERTURB_", "165")
                    .start();
        } finally {
            Files.delete(copy);
        }
    }

    private static List<String> kept(RubyProcess process) throws IOException {
        return Files.readAllLines(process.askForFile("kept"));
    }

    private static List<Keeper> keepers(RubyProcess process) throws IOException {
        return kept(process).stream()
                .filter(line -> line.startsWith("0x"))
                .map(Keeper::of)
                .toList();
    }

    private Map<String, JsonNode> objectSpace(ObjectSpaceDump dump, Map<String, Long> guessed) throws IOException {
        Path file = folder.resolve("objectspace.json");
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            DumpSummary summary = dump.write(DumpOutput.to(out), slots -> {});
            assertThat(summary.damaged()).isZero();
            guessed.putAll(summary.guessedReferences());
        }
        return DumpLines.of(file, true).parsed();
    }

    private Map<String, JsonNode> heapDump(HeapDump dump) throws IOException {
        Path file = folder.resolve("heap_dump.json");
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            dump.write(DumpOutput.to(out), slots -> {});
        }
        return DumpLines.ofHeapDump(file);
    }

    /** What is worked out from a mark function is what Ruby has, and nothing else is. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void listsWhatMarkFunctionsMark(Ruby ruby) throws Exception {
        try (RubyProcess process = start(ruby, 20)) {
            Map<String, JsonNode> ours;
            Map<String, JsonNode> contents;
            Map<String, Long> guessed = new HashMap<>();
            try (Target target = Target.attach(process.pid())) {
                RubyVm vm = RubyVm.locate(target);
                ours = objectSpace(ObjectSpaceDump.of(vm).exactReferences(), guessed);
                contents = heapDump(HeapDump.of(vm, HeapDump.Id.PLAIN).exactReferences());
            }
            Map<String, JsonNode> theirs =
                    DumpLines.of(process.dumpAll(), false).parsed();
            assertThat(guessed).isEmpty();
            List<Keeper> keepers = keepers(process);
            assertThat(keepers).hasSizeGreaterThan(50);
            for (Keeper keeper : keepers) {
                Set<String> marked = DumpLines.references(theirs.get(keeper.address()), "references");
                assertThat(marked)
                        .as("%s as Ruby tells it", keeper.type())
                        .isEqualTo(keeper.way().equals("weak") ? Set.of() : new HashSet<>(keeper.kept()));
                boolean known = !keeper.kind().equals("opaque");
                assertThat(DumpLines.references(ours.get(keeper.address()), "references"))
                        .as("references of %s", keeper.type())
                        .isEqualTo(known ? marked : Set.of());
                assertThat(DumpLines.references(contents.get(keeper.address()), "refs"))
                        .as("refs of %s", keeper.type())
                        .isEqualTo(known ? marked : Set.of());
            }
            assertThat(contents.values()).noneMatch(line -> line.has("guessed"));
        }
    }

    /** What is not understood is guessed: Ruby's references are among the guesses, which a key tells from others. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void guessesWhereMarkFunctionsAreNotUnderstood(Ruby ruby) throws Exception {
        try (RubyProcess process = start(ruby, 20)) {
            Map<String, JsonNode> ours;
            Map<String, JsonNode> contents;
            Map<String, Long> guessed = new HashMap<>();
            Set<String> lost = new HashSet<>();
            List<Keeper> keepers = keepers(process);
            List<String> globals = List.of(kept(process).getLast().split(" "));
            try (Target target = Target.attach(process.pid())) {
                RubyVm vm = RubyVm.locate(target);
                ours = objectSpace(ObjectSpaceDump.of(vm), guessed);
                contents = heapDump(HeapDump.of(vm, HeapDump.Id.PLAIN));
                Reachability reached = Reachability.of(vm.reader());
                for (Keeper keeper : keepers) {
                    if (!keeper.kept().stream().map(Long::decode).allMatch(reached::contains)) {
                        lost.add(keeper.type());
                    }
                }
                assertThat(globals).hasSize(3).startsWith("globals");
                assertThat(globals.stream().skip(1).map(Long::decode)).allMatch(reached::contains);
            }
            Map<String, JsonNode> theirs =
                    DumpLines.of(process.dumpAll(), false).parsed();
            assertThat(lost).isSubsetOf(HIDDEN);
            List<String> missing = new ArrayList<>();
            for (Map.Entry<String, JsonNode> line : theirs.entrySet()) {
                String type = line.getValue().path("struct").asText();
                if (type.contains("/") && !type.startsWith("VM/") && ours.containsKey(line.getKey())) {
                    Set<String> marked = DumpLines.references(line.getValue(), "references");
                    marked.removeAll(DumpLines.references(ours.get(line.getKey()), "references"));
                    if (!marked.isEmpty() && !type.equals(HIDDEN)) {
                        missing.add(type + " lacks " + marked);
                    }
                }
            }
            assertThat(missing).isEmpty();
            for (Keeper keeper : keepers) {
                JsonNode line = contents.get(keeper.address());
                if (!keeper.kind().equals("opaque")) {
                    assertThat(line.has("guessed")).as(keeper.type()).isFalse();
                } else if (!keeper.type().equals(HIDDEN)) {
                    assertThat(DumpLines.references(line, "guessed"))
                            .as(keeper.type())
                            .containsAll(keeper.kept());
                    assertThat(DumpLines.references(line, "refs")).containsAll(DumpLines.references(line, "guessed"));
                }
            }
            assertThat(guessed.keySet()).allMatch(type -> type.startsWith("opaque/"));
            // Beside what is kept: itself, things that are only known, and what is left in unused entries of tables.
            guessed.forEach((type, count) -> {
                if (!type.equals("opaque/part")) {
                    assertThat(count).as(type).isLessThan(20);
                }
            });
        }
    }

    /** A word that was left behind leads into the memory of another object: that is a guess, and not all in there. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void guessesTheOwnerOfMemoryAndNothingBehindIt(Ruby ruby) throws Exception {
        try (RubyProcess process = start(ruby, 20)) {
            List<String> leaders = Files.readAllLines(process.askForFile("leads"));
            Map<String, JsonNode> contents;
            try (Target target = Target.attach(process.pid())) {
                contents = heapDump(HeapDump.of(RubyVm.locate(target), HeapDump.Id.PLAIN));
            }
            assertThat(leaders).hasSize(5);
            for (String leader : leaders) {
                String[] words = leader.split(" ");
                assertThat(DumpLines.references(contents.get(words[0]), "guessed"))
                        .as("into the memory of an object of the kind %s", words[1])
                        .isEqualTo(Set.of(words[2]));
            }
        }
    }

    /** Memory with more references than are remembered: each object that leads there has them all. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void guessesAllThatIsInLargeMemory(Ruby ruby) throws Exception {
        try (RubyProcess process = start(ruby, 20)) {
            List<String> lines = Files.readAllLines(process.askForFile("spread"));
            List<String> leaders = List.of(lines.getFirst().split(" "));
            Set<String> held = Set.of(lines.getLast().split(" "));
            assertThat(leaders).hasSize(4);
            assertThat(held).hasSize(3000);
            Map<String, JsonNode> contents;
            try (Target target = Target.attach(process.pid())) {
                contents = heapDump(HeapDump.of(RubyVm.locate(target), HeapDump.Id.PLAIN));
            }
            for (String leader : leaders) {
                assertThat(contents.get(leader).get("guessed")).as("each once").hasSize(held.size());
                assertThat(DumpLines.references(contents.get(leader), "guessed"))
                        .isEqualTo(held);
            }
        }
    }

    /** Who guesses looks at the memory of objects and of the allocator through buffers of its own. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void whoClosesTheLinesHasGivenAllBuffersBack(Ruby ruby) throws Exception {
        try (RubyProcess process = start(ruby, 20)) {
            List<Keeper> keepers = keepers(process);
            try (Target target = Target.attach(process.pid())) {
                RubyVm vm = RubyVm.locate(target);
                // The allocators are located, and stay so.
                lines(vm, keepers).close();
                long before = Buffers.inUse();
                lines(vm, keepers).close();
                assertThat(Buffers.inUse()).isLessThanOrEqualTo(before);
            }
        }
    }

    /** Writes lines for which references are guessed. Returns what read them, to be closed. */
    private static Reader lines(RubyVm vm, List<Keeper> keepers) {
        ObjectReader reader = vm.reader();
        RubyThreads threads = new RubyThreads(new Interpreter(reader));
        try (ObjectLines lines = new ObjectLines(threads, OutputStream.nullOutputStream(), HeapDump.Id.PLAIN)) {
            keepers.forEach(keeper ->
                    assertThat(lines.object(Long.decode(keeper.address()))).isTrue());
            assertThat(lines.summary().guessedReferences()).isNotEmpty();
        }
        return reader.memory();
    }

    /** Many objects that know one large document: each has its own part of it, and few others. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void guessesLittleMoreInALargeDocument(Ruby ruby) throws Exception {
        int parts = 5000;
        try (RubyProcess process = start(ruby, parts)) {
            Map<String, JsonNode> ours;
            Map<String, Long> guessed = new HashMap<>();
            try (Target target = Target.attach(process.pid())) {
                ours = objectSpace(ObjectSpaceDump.of(RubyVm.locate(target)), guessed);
            }
            Map<String, JsonNode> theirs =
                    DumpLines.of(process.dumpAll(), false).parsed();
            long compared = 0;
            for (Map.Entry<String, JsonNode> line : theirs.entrySet()) {
                if (line.getValue().path("struct").asText().equals("opaque/part")) {
                    compared++;
                    assertThat(DumpLines.references(ours.get(line.getKey()), "references"))
                            .containsAll(DumpLines.references(line.getValue(), "references"));
                }
            }
            assertThat(compared).isEqualTo(parts);
            assertThat(guessed.get("opaque/part")).isBetween(parts / 4L, 8L * parts);
        }
    }
}
