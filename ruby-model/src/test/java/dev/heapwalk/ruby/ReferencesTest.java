// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.EdgeSink;
import dev.heapwalk.heap.Label;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.gc.References;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ReferencesTest {
    /**
     * What running the command changes: the stacks of the thread that runs it, and caches beside the code that it
     * calls.
     */
    private static final Set<String> RUNNING = Set.of("DATA VM/thread", "DATA fiber");

    private static final Set<String> CACHING = Set.of("IMEMO iseq", "CLASS ", "ICLASS ", "MODULE ", "DATA VM/cc_table");
    private static final Set<String> CACHES = Set.of("callcache", "callinfo", "constcache", "ment");
    /** Whose lists of arguments are not read. */
    private static final String TREE = "IMEMO ast";

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void listsWhatObjectSpaceLists(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            Map<Long, OwnDump.Line> ours = read(process);
            OwnDump theirs = OwnDump.read(process.dumpAll());
            compare(ours, theirs);
        }
    }

    @Test
    void listsWhatObjectSpaceListsOfTheStandardLibrary() throws Exception {
        try (RubyProcess process = RubyProcess.of(Ruby.TRIXIE, "stdlib").start()) {
            Map<Long, OwnDump.Line> ours = read(process);
            OwnDump theirs = OwnDump.read(process.dumpAll());
            compare(ours, theirs);
        }
    }

    private static Map<Long, OwnDump.Line> read(RubyProcess process) {
        Map<Long, OwnDump.Line> lines = new HashMap<>();
        try (Target target = Target.attach(process.pid())) {
            RubyVm vm = RubyVm.locate(target);
            assertThat(vm.collection()).isEqualTo(RubyVm.Collection.NONE);
            ObjectReader reader = vm.reader();
            References references = new References(reader);
            SlotCursor slot = vm.slots(reader);
            Longs found = new Longs();
            while (slot.next()) {
                if (slot.state() == SlotState.LIVE) {
                    found.clear();
                    boolean known = references.of(slot, found);
                    lines.put(
                            slot.address(),
                            new OwnDump.Line(
                                    slot.type().label().substring(2),
                                    slot.klass(),
                                    found.sorted(),
                                    known ? "" : "unknown"));
                }
            }
        }
        return lines;
    }

    private static void compare(Map<Long, OwnDump.Line> ours, OwnDump theirs) {
        int compared = 0;
        int equal = 0;
        Map<String, Integer> causes = new TreeMap<>();
        List<String> unexplained = new ArrayList<>();
        for (Map.Entry<Long, OwnDump.Line> entry : theirs.objects().entrySet()) {
            OwnDump.Line own = ours.get(entry.getKey());
            OwnDump.Line line = entry.getValue();
            if (own == null) {
                // The command made it.
                continue;
            }
            compared++;
            assertThat(own.type()).as("type of 0x%x", entry.getKey()).isEqualTo(line.type());
            if (line.klass() != 0 || !line.type().equals("IMEMO")) {
                assertThat(own.klass()).as("class of 0x%x", entry.getKey()).isEqualTo(line.klass());
            }
            if (Arrays.equals(own.references(), line.references())) {
                equal++;
                continue;
            }
            String cause = cause(own, line, ours, theirs);
            causes.merge(cause, 1, Integer::sum);
            if (cause.startsWith("unexplained")) {
                unexplained.add("0x%x %s %s: missing %s, too many %s"
                        .formatted(
                                entry.getKey(),
                                line.type(),
                                line.detail(),
                                named(OwnDump.without(line.references(), own.references()), ours, theirs),
                                named(OwnDump.without(own.references(), line.references()), ours, theirs)));
            }
        }
        assertThat(unexplained)
                .as("%d compared, %d equal, %s", compared, equal, causes)
                .isEmpty();
        assertThat(ours.keySet().stream().filter(address -> !theirs.objects().containsKey(address)))
                .as("what the dump has not")
                .isEmpty();
        assertThat(equal).as("of %d, %s", compared, causes).isGreaterThanOrEqualTo((int) Math.ceil(compared * 0.999));
    }

    private static String cause(OwnDump.Line own, OwnDump.Line line, Map<Long, OwnDump.Line> ours, OwnDump theirs) {
        String kind = line.type() + " " + line.detail();
        if (RUNNING.contains(kind)) {
            return "runs the command: " + kind;
        }
        if (kind.equals(TREE)) {
            return "not read in full: " + kind;
        }
        boolean caches = CACHING.contains(kind)
                && areCaches(OwnDump.without(line.references(), own.references()), ours, theirs)
                && areCaches(OwnDump.without(own.references(), line.references()), ours, theirs);
        return caches ? "caches filled by the command: " + kind : "unexplained " + kind;
    }

    private static boolean areCaches(long[] references, Map<Long, OwnDump.Line> ours, OwnDump theirs) {
        return Arrays.stream(references).allMatch(reference -> {
            OwnDump.Line line = theirs.objects().get(reference);
            return line != null && (!ours.containsKey(reference) || CACHES.contains(line.detail()));
        });
    }

    private static List<String> named(long[] addresses, Map<Long, OwnDump.Line> ours, OwnDump theirs) {
        return Arrays.stream(addresses)
                .limit(8)
                .mapToObj(address -> {
                    OwnDump.Line line = theirs.objects().get(address);
                    return "0x%x %s%s"
                            .formatted(
                                    address,
                                    line == null ? "none" : line.type() + " " + line.detail(),
                                    ours.containsKey(address) ? "" : " (new)");
                })
                .toList();
    }

    /** References as they come. */
    private static final class Longs implements EdgeSink {
        private long[] longs = new long[16];
        private int size;

        void clear() {
            size = 0;
        }

        @Override
        public void edge(long address, EdgeKind kind, Label label) {
            assertThat(kind).isEqualTo(EdgeKind.REFERS);
            if (size == longs.length) {
                longs = Arrays.copyOf(longs, size * 2);
            }
            longs[size++] = address;
        }

        long[] sorted() {
            return OwnDump.sorted(Arrays.copyOf(longs, size));
        }
    }
}
