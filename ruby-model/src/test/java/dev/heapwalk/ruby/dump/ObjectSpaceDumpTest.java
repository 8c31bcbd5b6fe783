// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.heap.dump.DumpOutput;
import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.Jemalloc;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.gc.Reachability;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The dump from outside beside the one that the same process then writes of itself. */
class ObjectSpaceDumpTest {
    /**
     * How many objects the command to dump may make: its line, the file, what it is called with and what finds that.
     */
    private static final int MADE_BY_THE_CALL = 60;

    private static final int GIVEN_BACK = 3;
    /** How much code may find another method or constant on its way to the dump. */
    private static final int OF_RUNNING_CODE = 2;
    /**
     * What the virtual machine counts for a thread that waits for input: that of a process that waits for a command.
     */
    private static final int OF_WAITING = 40;
    /** What the commands before and after a dump made for themselves, while collections were off and then on. */
    private static final int OF_THE_COMMANDS = 200;

    @TempDir
    private Path folder;

    static Stream<Arguments> scripts() {
        return Ruby.all().stream()
                .flatMap(ruby -> Stream.of("every_type", "stdlib").map(script -> Arguments.of(ruby, script)));
    }

    private DumpSummary dump(Target target, Path file) throws IOException {
        return dump(ObjectSpaceDump.of(RubyVm.locate(target)), file);
    }

    private static DumpSummary dump(ObjectSpaceDump dump, Path file) throws IOException {
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            return dump.write(DumpOutput.to(out), slots -> {});
        }
    }

    @ParameterizedTest
    @MethodSource("scripts")
    void saysWhatRubySaysOfItself(Ruby ruby, String script) throws Exception {
        Path file = folder.resolve("outside.json");
        try (RubyProcess process = RubyProcess.of(ruby, script).start()) {
            // What the command calls has its caches then, and the next one makes none.
            process.dumpAll();
            DumpSummary summary;
            try (Target target = Target.attach(process.pid())) {
                summary = dump(target, file);
            }
            if (script.equals("every_type")) {
                Path core = Cores.gcore(process, folder);
                Path ofCore = folder.resolve("core.json");
                try (Target target = Target.core(core, ruby.root())) {
                    assertThat(dump(target, ofCore).objects()).isEqualTo(summary.objects());
                }
                sameBesideThreads(file, ofCore);
            }
            DumpLines ours = DumpLines.of(file, true);
            DumpLines theirs = DumpLines.of(process.dumpAll(), false);
            assertThat(summary.bytes()).isEqualTo(Files.size(file));
            assertThat(summary.objects()).isEqualTo(ours.objects.size());
            assertThat(summary.damaged()).isZero();
            assertThat(summary.holes()).isEmpty();
            new Comparison(ruby, summary).check(ours, theirs);
        }
    }

    /** Those whose C library this machine's jemalloc works with. */
    static Stream<Ruby> makesNoSizeUpOnAnotherAllocator() {
        return Stream.of(Ruby.BOOKWORM, Ruby.TRIXIE).filter(Ruby.debian()::contains);
    }

    /** A size that depends on what the allocator has for it is left out where that is not known. */
    @ParameterizedTest
    @MethodSource
    void makesNoSizeUpOnAnotherAllocator(Ruby ruby) throws Exception {
        Path file = folder.resolve("outside.json");
        try (Jemalloc jemalloc = new Jemalloc(ruby, folder);
                RubyProcess process =
                        jemalloc.in(RubyProcess.of(ruby, "every_type")).start()) {
            DumpSummary summary;
            try (Target target = Target.attach(process.pid())) {
                assertThat(Files.readString(Path.of("/proc/" + process.pid() + "/maps")))
                        .contains("jemalloc");
                summary = dump(target, file);
            }
            DumpLines ours = DumpLines.of(file, true);
            DumpLines theirs = DumpLines.of(process.dumpAll(), false);
            long equal = 0;
            long missing = 0;
            List<String> different = new ArrayList<>();
            for (Map.Entry<String, byte[]> line : ours.objects.entrySet()) {
                JsonNode own = DumpLines.parse(line.getValue());
                byte[] said = theirs.objects.get(line.getKey());
                JsonNode size = said == null ? null : DumpLines.parse(said).get("memsize");
                if (size == null) {
                    continue;
                }
                if (!own.has("memsize")) {
                    missing++;
                } else if (own.get("memsize").equals(size)) {
                    equal++;
                } else {
                    different.add("%s but %s".formatted(text(line.getValue()), text(said)));
                }
            }
            // The command may have changed some, and looked up a method or two.
            assertThat(different).hasSizeLessThan(10).noneMatch(line -> line.contains("\"struct\":\"fiber\""));
            assertThat(missing).isPositive();
            assertThat(missing)
                    .isLessThanOrEqualTo(summary.unknownSizes().values().stream()
                            .mapToLong(Long::longValue)
                            .sum());
            assertThat(equal).isGreaterThan(30_000);
        }
    }

    /** With garbage that is known, and beside what a collection leaves. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void leavesOutWhatTheCollectorWouldCollect(Ruby ruby) throws Exception {
        Path everything = folder.resolve("everything.json");
        Path file = folder.resolve("reachable.json");
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            process.ask("gc_disable");
            Set<String> garbage = addresses(process, "Array.new(5000) { Target.address([Object.new]) }");
            Set<String> kept =
                    addresses(process, "($kept = Array.new(5000) { [Object.new] }).map { |a| Target.address(a) }");
            try (Target target = Target.attach(process.pid())) {
                RubyVm vm = RubyVm.locate(target);
                dump(ObjectSpaceDump.of(vm), everything);
                DumpSummary summary = dump(ObjectSpaceDump.of(vm).reachable(), file);
                assertThat(summary.objects())
                        .isEqualTo(Reachability.of(vm.reader()).count());
                assertThat(summary.damaged()).isZero();
            }
            process.ask("gc_enable");
            process.ask("gc");
            Set<String> alive = DumpLines.of(process.dumpAll(), false).objects.keySet();
            DumpLines all = DumpLines.of(everything, true);
            DumpLines ours = DumpLines.of(file, true);
            assertThat(ours.objects.keySet().containsAll(kept)).isTrue();
            assertThat(all.objects.keySet().containsAll(garbage)).isTrue();
            garbage.retainAll(ours.objects.keySet());
            assertThat(garbage).as("garbage that the stack still shows").hasSizeLessThan(20);
            assertThat(ours.roots).isEqualTo(all.roots);
            assertThat(ours.shapes).isEqualTo(all.shapes);
            ours.objects.forEach((address, line) -> {
                byte[] same = all.objects.get(address);
                if (!Arrays.equals(line, same)) {
                    assertThat(text(line)).isEqualTo(same == null ? null : text(same));
                }
            });

            Set<String> collected = new HashSet<>(ours.objects.keySet());
            collected.removeAll(alive);
            assertThat(collected).as("what Ruby collected").hasSizeLessThan(OF_THE_COMMANDS);
            Set<String> lost = new HashSet<>(all.objects.keySet());
            lost.removeAll(ours.objects.keySet());
            lost.retainAll(alive);
            assertThat(lost)
                    .as("what Ruby left, or put something else in the place of")
                    .hasSizeLessThan(OF_THE_COMMANDS);
        }
    }

    private static String text(byte[] line) {
        return new String(line, StandardCharsets.ISO_8859_1);
    }

    /** Has another thread make objects, so that no stack still shows them. */
    private static Set<String> addresses(RubyProcess process, String code) throws IOException {
        return new HashSet<>(List.of(process.ask("eval Thread.new { " + code + ".join(' ') }.value")
                .getFirst()
                .split(" ")));
    }

    /** A thread that is stopped again has something else on its machine stack, which is taken for references. */
    private static void sameBesideThreads(Path process, Path core) throws IOException {
        try (Stream<String> ofProcess = Files.lines(process);
                Stream<String> ofCore = Files.lines(core)) {
            Iterator<String> other = ofCore.iterator();
            ofProcess.forEach(line -> {
                String same = other.next();
                if (!line.contains("\"struct\":\"VM/thread\"") && !line.contains("\"struct\":\"fiber\"")) {
                    assertThat(same).isEqualTo(line);
                }
            });
            assertThat(other.hasNext()).isFalse();
        }
    }

    /** What is the same and what is not, by cause. */
    private static final class Comparison {
        private final Ruby ruby;
        private final DumpSummary summary;
        private final Map<String, List<String>> causes = new TreeMap<>();

        Comparison(Ruby ruby, DumpSummary summary) {
            this.ruby = ruby;
            this.summary = summary;
        }

        void check(DumpLines ours, DumpLines theirs) throws IOException {
            Set<String> gone = new HashSet<>(ours.objects.keySet());
            gone.removeAll(theirs.objects.keySet());
            // What the thread that answers had for itself it may give back at once, without a collection.
            assertThat(gone).as("objects that Ruby does not list").hasSizeLessThanOrEqualTo(GIVEN_BACK);
            assertThat(theirs.objects.size() - ours.objects.size() + gone.size())
                    .as("objects made by the call")
                    .isBetween(0, MADE_BY_THE_CALL);
            int equal = 0;
            for (Map.Entry<String, byte[]> line : ours.objects.entrySet()) {
                if (gone.contains(line.getKey())) {
                    continue;
                }
                equal += equal(
                                line.getKey(),
                                DumpLines.parse(line.getValue()),
                                DumpLines.parse(theirs.objects.get(line.getKey())),
                                theirs.objects.keySet())
                        ? 1
                        : 0;
            }
            Map<String, Integer> counts = new TreeMap<>();
            causes.forEach((cause, addresses) -> counts.put(cause + " " + addresses.getFirst(), addresses.size()));
            assertThat(equal / (double) ours.objects.size())
                    .as("equal lines of %d; the others by cause: %s", ours.objects.size(), counts)
                    .isGreaterThanOrEqualTo(0.999);
            causes.forEach((cause, addresses) -> {
                if (cause.endsWith(" is missing")) {
                    assertThat((long) addresses.size())
                            .as("%s: %s", cause, addresses)
                            .isLessThanOrEqualTo(allowed(cause));
                }
            });
            List<String> machines = causes.getOrDefault("VM memsize differs", List.of());
            assertThat(causes.keySet())
                    .filteredOn(cause -> cause.endsWith(" memsize differs"))
                    .hasSize(machines.size());
            for (String address : machines) {
                assertThat(size(ours, address) - size(theirs, address)).isEqualTo(OF_WAITING);
            }
            assertThat(causes.getOrDefault("imemo iseq references differs", List.of()))
                    .as("code that refers to something else")
                    .hasSizeLessThanOrEqualTo(OF_RUNNING_CODE);
            assertThat(ours.shapes).isEqualTo(theirs.shapes);
            checkRoots(ours, theirs);
        }

        private static long size(DumpLines lines, String address) throws IOException {
            return DumpLines.parse(lines.objects.get(address)).get("memsize").longValue();
        }

        /** Only what a function of C code could tell may be missing, and as many are counted as unknown. */
        private long allowed(String cause) {
            if (!ruby.isAtLeast(3, 0) && cause.matches("OBJECT (file|line|method|generation) is missing")) {
                // 2.7 keeps where a traced object was made in a table that only code leads to.
                return 1;
            }
            String[] words = cause.split(" (?=memsize |references )");
            Map<String, Long> unknown = words.length < 2
                    ? Map.of()
                    : words[1].startsWith("memsize") ? summary.unknownSizes() : summary.unknownReferences();
            return words[0].equals("DATA")
                    ? unknown.getOrDefault("(data without a type)", 0L)
                            + unknown.getOrDefault("(data of a type without a name)", 0L)
                    : unknown.getOrDefault(words[0], 0L);
        }

        private void checkRoots(DumpLines ours, DumpLines theirs) {
            Set<String> kinds = new LinkedHashSet<>(theirs.roots.keySet());
            // The stack of the C code has gone on to the call.
            kinds.remove("machine_context");
            for (String kind : kinds) {
                Set<String> missing = new HashSet<>(theirs.roots.get(kind));
                missing.removeAll(ours.roots.getOrDefault(kind, Set.of()));
                missing.removeIf(address -> !ours.objects.containsKey(address));
                assertThat(missing)
                        .as("roots of kind %s that are missing", kind)
                        .isEmpty();
            }
        }

        private boolean equal(String address, JsonNode ours, JsonNode theirs, Set<String> objects) {
            String type = theirs.path("imemo_type").isMissingNode()
                    ? theirs.path("struct").asText(theirs.path("type").textValue())
                    : "imemo " + theirs.path("imemo_type").textValue();
            boolean equal = true;
            List<String> order = new ArrayList<>();
            ours.fieldNames().forEachRemaining(order::add);
            List<String> keys = new ArrayList<>();
            theirs.fieldNames().forEachRemaining(keys::add);
            for (String key : keys) {
                if (!ours.has(key) && type.startsWith("imemo ") && isNoObject(key, theirs, objects)) {
                    continue;
                }
                if (!ours.has(key)) {
                    equal = differs(address, type + " " + key + " is missing");
                } else if (!same(key, ours.get(key), theirs.get(key))) {
                    equal = differs(address, type + " " + key + " differs");
                }
            }
            for (String key : order) {
                if (!theirs.has(key)) {
                    equal = differs(address, type + " " + key + " is too much");
                }
            }
            keys.retainAll(order);
            order.retainAll(keys);
            return order.equals(keys) ? equal : differs(address, type + " has another order of keys");
        }

        /** Whether Ruby takes for a class what is none, such as a pointer in its place. */
        private static boolean isNoObject(String key, JsonNode theirs, Set<String> objects) {
            return key.endsWith("class") && !objects.contains(theirs.get(key).textValue());
        }

        private boolean differs(String address, String cause) {
            causes.computeIfAbsent(cause, key -> new ArrayList<>()).add(address);
            return false;
        }

        private boolean same(String key, JsonNode ours, JsonNode theirs) {
            return switch (key) {
                case "references" -> Arrays.equals(sorted(ours), sorted(theirs));
                case "value" ->
                    ours.equals(theirs)
                            || !ruby.isAtLeast(3, 0)
                                    && mangled(ours.textValue()).equals(theirs.textValue());
                default -> ours.equals(theirs);
            };
        }

        private static String[] sorted(JsonNode references) {
            String[] sorted = new String[references.size()];
            Arrays.setAll(sorted, index -> references.get(index).textValue());
            Arrays.sort(sorted);
            return sorted;
        }

        /** 2.7 writes the number of a control character in decimal where JSON has it in hexadecimal. */
        private static String mangled(String value) {
            StringBuilder mangled = new StringBuilder();
            value.chars()
                    .map(one -> one < ' ' && "\0\b\t\f\n\r".indexOf(one) < 0
                            ? Integer.parseInt(Integer.toString(one), 16)
                            : one)
                    .forEach(one -> mangled.append((char) one));
            return mangled.toString();
        }
    }
}
