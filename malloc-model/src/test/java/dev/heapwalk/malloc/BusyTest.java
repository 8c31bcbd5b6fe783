// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.testkit.BusyProcess;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Gdb;
import dev.heapwalk.testkit.Release;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Programs that allocate and free without pause. A stop falls into the middle of malloc nearly always; when no thread
 * is there, nothing contradicts itself, and every block that the program's own table has is found. So it is where a
 * signal handler runs that has interrupted malloc.
 */
class BusyTest {
    private static final int LOOKS = 25;
    private static final int MOST_STOPS = 100 * LOOKS;
    private static final int CORES = 20;
    private static final Pattern THREAD = Pattern.compile("(?m)^Thread \\d+ \\(.*?LWP (\\d+).*$");
    /** What gdb says of a frame in one of malloc's files. */
    private static final Pattern MALLOC = Pattern.compile(" at [^ \\n]*\\b(?:malloc|arena|hooks|morecore)\\.c:\\d+");

    static Stream<Arguments> programs() {
        return Release.debian().stream()
                .flatMap(release -> Stream.of(
                        Arguments.of(release, List.of("small", "0")),
                        Arguments.of(release, List.of("trim", "0")),
                        Arguments.of(release, List.of("trim", "-1")),
                        Arguments.of(release, List.of("large", "0")),
                        Arguments.of(release, List.of("small", "2")),
                        Arguments.of(release, List.of("trim", "0", "altstack")),
                        Arguments.of(release, List.of("small", "0", "child"))));
    }

    static List<Release> releases() {
        return Release.debian();
    }

    @ParameterizedTest
    @MethodSource("programs")
    void whenNoThreadIsInsideMallocAllIsWhole(Release release, List<String> arguments) throws Exception {
        try (BusyProcess process = BusyProcess.start(release, false, arguments.toArray(String[]::new));
                Target target = Target.observe(process.pid())) {
            MallocRest rest = MallocRest.of(target);
            assertThat(rest.tells()).isTrue();
            Optional<MallocHeap> known = Optional.empty();
            int looks = 0;
            // On a machine that has too few processors a thread may not run in the time that it is given to come out.
            for (int stops = 0; looks < LOOKS && stops < MOST_STOPS; stops++) {
                try (var _ = target.stop()) {
                    if (!target.settle(rest)) {
                        continue;
                    }
                    looks++;
                    MallocHeap heap = known.isEmpty() || looks % 5 == 0
                            ? MallocHeap.locate(target)
                            : known.get().refresh();
                    known = Optional.of(heap);
                    check(heap, process);
                }
            }
            assertThat(looks).as("the threads come out of malloc").isPositive();
            assertThat(process.isAlive()).isTrue();
        }
    }

    private static void check(MallocHeap heap, BusyProcess process) {
        Map<Long, Long> live = new HashMap<>();
        MemorySegment table = MemorySegment.ofArray(
                heap.target().memory().readBytes(process.table(), process.rows() * BusyProcess.ROW));
        for (long at = 0; at < table.byteSize(); at += BusyProcess.ROW) {
            long address = table.get(ValueLayout.JAVA_LONG_UNALIGNED, at);
            if (address != 0) {
                live.put(address, table.get(ValueLayout.JAVA_LONG_UNALIGNED, at + 8));
            }
        }
        Map<Long, Long> found = new HashMap<>();
        try (ChunkCursor chunk = heap.chunks()) {
            while (chunk.next()) {
                if (chunk.state() == ChunkState.USED) {
                    found.put(chunk.userAddress(), chunk.usableSize());
                }
            }
            assertThat(chunk.damage()).isEmpty();
        }
        heap.arenas().forEach(heap::bins);
        assertThat(heap.damage()).isEmpty();
        assertThat(heap.missing()).isEmpty();
        assertThat(found.keySet()).containsAll(live.keySet());
        live.forEach((address, size) -> assertThat(found.get(address)).isGreaterThanOrEqualTo(size));
        // One that each thread is about to note or to free, and the few of libc's own.
        assertThat(found).hasSizeLessThan(live.size() + 25);
    }

    @ParameterizedTest
    @MethodSource("releases")
    void whoIsInsideMallocIsWhoGdbSaysIs(Release release, @TempDir Path folder) throws Exception {
        Map<Boolean, Integer> seen = new HashMap<>();
        for (List<String> arguments : List.of(
                List.of("small", "1"),
                List.of("trim", "1"),
                List.of("large", "1"),
                List.of("small", "0", "handler"),
                List.of("trim", "0", "altstack"))) {
            try (BusyProcess process = BusyProcess.start(release, true, arguments.toArray(String[]::new))) {
                for (int i = 0; i < CORES / 5; i++) {
                    Path core = folder.resolve("core");
                    String trace = Gdb.stacksAndCore(release, process, core);
                    try (Target target = Target.core(core, release.root(true).orElse(Path.of("/")))) {
                        Set<Long> inside = MallocRest.of(target).busy(target.threads()).stream()
                                .map(ThreadState::tid)
                                .collect(Collectors.toSet());
                        assertThat(inside).as(trace).isEqualTo(insideByGdb(trace));
                        target.threads().forEach(thread -> seen.merge(inside.contains(thread.tid()), 1, Integer::sum));
                    }
                    Files.delete(core);
                }
            }
        }
        assertThat(seen).as("inside and outside").containsKey(true);
    }

    private static Set<Long> insideByGdb(String trace) {
        Set<Long> inside = new HashSet<>();
        Matcher thread = THREAD.matcher(trace);
        int at = 0;
        while (thread.find(at)) {
            int end = trace.indexOf("\nThread ", thread.end());
            at = end < 0 ? trace.length() : end;
            String frames = trace.substring(thread.end(), at);
            // Who waits for a lock has changed nothing.
            if (MALLOC.matcher(frames).find() && !frames.contains("lll_lock_wait")) {
                inside.add(Long.parseLong(thread.group(1)));
            }
        }
        return inside;
    }

    @Test
    void ofAStaticProgramItsSymbolsTell() throws Exception {
        Path program = CProgram.compile("busy", BusyProcess.source(), "-static");
        try (BusyProcess process = BusyProcess.start(program, "small", "0");
                Target target = Target.observe(process.pid())) {
            MallocRest rest = MallocRest.of(target);
            assertThat(rest.tells()).isTrue();
            int settled = 0;
            for (int stops = 0; settled < LOOKS && stops < MOST_STOPS; stops++) {
                try (var _ = target.stop()) {
                    if (target.settle(rest)) {
                        settled++;
                        check(MallocHeap.locate(target), process);
                    }
                }
            }
            assertThat(settled).isPositive();
        }
        Path stripped = CProgram.compile("busy", BusyProcess.source(), "-static", "-s");
        try (BusyProcess process = BusyProcess.start(stripped, "small", "0");
                Target target = Target.attach(process.pid())) {
            assertThat(MallocRest.of(target).tells()).isFalse();
            assertThat(target.settle(MallocRest.of(target))).isFalse();
        }
    }
}
