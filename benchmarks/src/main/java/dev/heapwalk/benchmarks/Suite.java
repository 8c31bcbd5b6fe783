// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** What is measured in turns, under which name, in which set, and what is hoped for. */
final class Suite {

    /** How much is measured; each set holds those before it. */
    enum Set {
        /** What the build measures at its end. */
        SHORT,
        /** Everything of interest, up to a million chunks or objects. */
        QUICK,
        /** All sizes, with targets of several gigabytes. */
        FULL
    }

    /**
     * One measurement.
     *
     * @param name parts divided by {@code /}, the JMH class first
     * @param set the smallest set that holds it
     * @param subject makes what is measured
     * @param allocates whether it allocates, by its nature
     * @param goals by the name of a ratio, the most it should be
     */
    record Entry(String name, Set set, Supplier<Subject> subject, boolean allocates, Map<String, Double> goals) {
        /** Whether it is one of the walkers, which the build holds against C. */
        boolean walks() {
            return name.startsWith("ChunkWalk/") || name.startsWith("SlotWalk/");
        }
    }

    // A second thread reads ahead, so it is the clock that counts.
    private static final Map<String, Double> WALK_PROCESS = Map.of("c wall", 1.10);
    private static final Map<String, Double> TWO_THREADS = Map.of("c wall", 1 / 1.6);
    private static final Map<String, Double> WALK_CORE = Map.of("c cpu", 1.05);

    private final List<Entry> entries = new ArrayList<>();

    private Suite() {
        for (String source : List.of("process", "core")) {
            Map<String, Double> goals = source.equals("core") ? WALK_CORE : WALK_PROCESS;
            chunks(Set.QUICK, source, BenchmarkTarget.FRESH, 10_000, goals);
            chunks(Set.QUICK, source, BenchmarkTarget.FRESH, 1_000_000, goals);
            chunks(Set.QUICK, source, BenchmarkTarget.FRAGMENTED, 10_000, goals);
            chunks(Set.SHORT, source, BenchmarkTarget.FRAGMENTED, 1_000_000, goals);
            chunks(
                    Set.FULL,
                    source,
                    BenchmarkTarget.FRAGMENTED,
                    10_000_000,
                    source.equals("core") ? WALK_CORE : TWO_THREADS);
        }
        chunks(Set.FULL, "process", BenchmarkTarget.FRESH, 10_000_000, TWO_THREADS);
        chunks(Set.FULL, "core", BenchmarkTarget.FRESH, 10_000_000, WALK_CORE);
        chunks(Set.QUICK, "process", BenchmarkTarget.ARENAS, 1_000_000, WALK_PROCESS);
        chunks(Set.FULL, "process", BenchmarkTarget.ARENAS, 10_000_000, TWO_THREADS);
        chunks(Set.QUICK, "process", BenchmarkTarget.LARGE, 5_500, Map.of("c wall", 1 / 10.0));
        for (String source : List.of("process", "core")) {
            Map<String, Double> goals = source.equals("core") ? WALK_CORE : WALK_PROCESS;
            for (String heap : List.of(BenchmarkTarget.FRESH, BenchmarkTarget.FRAGMENTED)) {
                slots(Set.QUICK, source, heap, 10_000, goals);
                slots(Set.SHORT, source, heap, 1_000_000, goals);
                slots(Set.FULL, source, heap, 10_000_000, goals);
            }
        }
        for (String call : List.of("readv", "readv64", "mem")) {
            for (int window = 1 << 16; window <= 1 << 24; window <<= 2) {
                int size = window;
                boolean quick = call.equals("readv") || size == 1 << 16 || size == 1 << 20;
                add(
                        "RemoteRead/%s/%s".formatted(call, bytes(size)),
                        quick ? Set.QUICK : Set.FULL,
                        () -> new RemoteRead(call, size),
                        Map.of());
            }
        }
        for (String view : List.of("MallocChunk", "HeapInfo", "MallocState", "MallocPar", "TcachePerthread")) {
            add("StructView/" + view, Set.QUICK, () -> new StructView(view), Map.of());
        }
        for (String view : List.of(
                "RString",
                "RArray",
                "RHash",
                "RObject",
                "RStruct",
                "RData",
                "RFloat",
                "RClass",
                "RBignum",
                "RRational",
                "RComplex",
                "RSymbol",
                "RRegexp",
                "RMatch",
                "RFile")) {
            add("ObjectView/" + view, quick(view) ? Set.QUICK : Set.FULL, () -> new ObjectView(view), Map.of());
        }
        for (String call : List.of("gettid", "gettid-plain", "gettid-critical", "readv8", "pread8")) {
            add("Downcall/" + call, Set.QUICK, () -> new Downcall(call), Map.of());
        }
        for (String source : List.of("process", "core")) {
            for (String what : List.of("malloc", "ruby")) {
                entries.add(new Entry(
                        "Locate/%s/%s/1M".formatted(what, source),
                        Set.QUICK,
                        () -> new Locate(what, source, 1_000_000),
                        true,
                        Map.of()));
            }
        }
        for (String source : List.of("process", "core")) {
            for (String program : List.of("strings", "ruby")) {
                entries.add(new Entry(
                        "Categorize/%s/%s/1M".formatted(program, source),
                        Set.QUICK,
                        () -> new Categorize(program, source, 1_000_000),
                        true,
                        Map.of()));
            }
        }
        entries.add(new Entry("DumpJson/process/1M", Set.QUICK, () -> new DumpJson(1_000_000), true, Map.of()));
    }

    /** All measurements, in the order of the page. */
    static List<Entry> entries() {
        return new Suite().entries;
    }

    private static boolean quick(String view) {
        return List.of("RString", "RArray", "RHash", "RObject").contains(view);
    }

    private void chunks(Set set, String source, String heap, int mallocs, Map<String, Double> goals) {
        add(
                "ChunkWalk/%s/%s/%s".formatted(source, heap, count(mallocs)),
                set,
                () -> new ChunkWalk(source, heap, mallocs),
                goals);
    }

    private void slots(Set set, String source, String heap, int objects, Map<String, Double> goals) {
        add(
                "SlotWalk/%s/%s/%s".formatted(source, heap, count(objects)),
                set,
                () -> new SlotWalk(source, heap, objects),
                goals);
    }

    private void add(String name, Set set, Supplier<Subject> subject, Map<String, Double> goals) {
        entries.add(new Entry(name, set, subject, false, goals));
    }

    private static String count(int count) {
        return count % 1_000_000 == 0
                ? count / 1_000_000 + "M"
                : count % 1000 == 0 ? count / 1000 + "k" : String.valueOf(count);
    }

    private static String bytes(int bytes) {
        return bytes >= 1 << 20 ? (bytes >> 20) + "MiB" : (bytes >> 10) + "KiB";
    }
}
