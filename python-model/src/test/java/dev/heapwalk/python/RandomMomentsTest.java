// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.malloc.MallocRest;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonApplication;
import dev.heapwalk.testkit.PythonProcess;
import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Applications that are stopped anywhere in their work: while they allocate, collect garbage, or let a dictionary grow.
 * Each object that is told can be reached just after it, as the process itself finds out, or is one of a group whose size
 * is printed.
 */
class RandomMomentsTest {
    /** For all applications on all Pythons together. */
    private static final int MOMENTS = Optional.ofNullable(System.getenv("HEAPWALK_SOAK_MOMENTS"))
            .map(Integer::parseInt)
            .orElse(60);

    private static final int MOST_PAUSE_MILLIS = 40;

    /** What threads have in hand, which is gone when the process answers, of all objects: one in so many at most. */
    private static final int SHARE_IN_HAND = 10;

    /** Why an object may not be reached. */
    private enum Group {
        /** A variable of a module. */
        STATIC,
        /** What has no references, and what code holds: the collector knows of neither. */
        VALUES,
        /** What C code holds alone, as {@link ApplicationsTest} names it. */
        HELD_BY_C,
        /** All else: what a thread was working with. */
        IN_HAND;

        static Group of(Told object) {
            if (object.place == ObjectPlace.MODULE) {
                return STATIC;
            }
            boolean free = object.state == GcState.NOT_COLLECTED || object.state == GcState.UNTRACKED;
            if (free && ApplicationsTest.HELD_BY_CODE.contains(object.name)) {
                return VALUES;
            }
            return free && ApplicationsTest.HELD_BY_C.contains(object.name) ? HELD_BY_C : IN_HAND;
        }
    }

    private static List<Arguments> applications() {
        return Python.debian().stream()
                .flatMap(python -> Stream.of(PythonApplication.values())
                        .filter(application -> application.isOn(python))
                        .map(application -> Arguments.of(python, application)))
                .toList();
    }

    private record Told(String name, GcState state, ObjectPlace place) {}

    private final Map<Long, Told> told = new HashMap<>();
    /** At how many moments a heap of malloc contradicted itself, since a thread was changing it. */
    private int insideMalloc;

    /** A thread that gets no processor in time does not stop: that is no moment. */
    private static Target stop(PythonProcess process) {
        long end = System.nanoTime() + ThisMachine.PATIENCE.toNanos();
        while (true) {
            try {
                return Target.attach(process.pid());
            } catch (UnsupportedTargetException e) {
                if (e.reason() != TargetException.Reason.NOT_STOPPED || System.nanoTime() > end) {
                    throw e;
                }
            }
        }
    }

    /**
     * What is damaged, but in a heap of malloc that a thread is changing: the only thread of a process takes no lock
     * there, so that only its place in the code tells.
     */
    private List<Damage> damages(ObjectCursor object, Heaps heaps, Target target) {
        List<Damage> damages = new ArrayList<>(object.damages());
        if (!damages.isEmpty() && !MallocRest.of(target).busy(target.threads()).isEmpty()) {
            insideMalloc++;
            for (Heap heap : heaps.allocators().findAll(Heap.class)) {
                try (BlockCursor blocks = heap.blocks()) {
                    while (blocks.next()) {
                        // Damage is met on the way.
                    }
                    damages.removeAll(blocks.damage());
                }
            }
        }
        return damages;
    }

    private void look(PythonProcess process) throws Exception {
        told.clear();
        try (Target target = stop(process)) {
            PythonRuntime runtime = PythonRuntime.locate(target);
            Heaps heaps = Heaps.of(target);
            try (ObjectReader reader = runtime.reader();
                    ObjectCursor object = runtime.objects(heaps)) {
                while (object.next()) {
                    String name =
                            reader.typeNames().of(object.type()).toString().replaceAll("^builtins\\.", "");
                    told.put(object.address(), new Told(name, object.gcState(), object.place()));
                }
                assertThat(damages(object, heaps, target)).isEmpty();
            }
            new ProcessBuilder("kill", "-USR1", Long.toString(process.pid()))
                    .start()
                    .waitFor();
        }
    }

    @ParameterizedTest
    @MethodSource("applications")
    void tellsWhatCanBeReached(Python python, PythonApplication application) throws Exception {
        int moments = Math.ceilDiv(MOMENTS, applications().size());
        Random random = new Random(python.hashCode() * 31L + application.ordinal());
        Map<Group, Integer> most = new EnumMap<>(Group.class);
        int least = Integer.MAX_VALUE;
        try (PythonProcess process = PythonProcess.of(python, application).start()) {
            Path reached = process.file("moment");
            process.ask("moments " + process.inside(reached));
            process.ask("load 2");
            process.say("busy");
            for (int i = 1; i <= moments; i++) {
                Thread.sleep(random.nextInt(MOST_PAUSE_MILLIS));
                look(process);
                Set<Long> ids = ids(reached.resolveSibling("moment" + i));
                Map<Group, Integer> others = new EnumMap<>(Group.class);
                told.forEach((address, object) -> {
                    if (!ids.contains(address)) {
                        others.merge(Group.of(object), 1, Integer::sum);
                    }
                });
                others.forEach((group, count) -> most.merge(group, count, Math::max));
                least = Math.min(
                        least,
                        told.size()
                                - others.values().stream()
                                        .mapToInt(Integer::intValue)
                                        .sum());
                assertThat(others.getOrDefault(Group.IN_HAND, 0)).isLessThan(told.size() / SHARE_IN_HAND);
            }
            process.ask("load 1");
        }
        System.out.printf(
                "moments: %s in %s: %d, at each %,d objects or more that can be reached, and at most %s that can't; "
                        + "at %d of them a thread was changing malloc's heap%n",
                application, python, moments, least, most, insideMalloc);
        assertThat(least).isGreaterThan(20_000);
        assertThat(most.getOrDefault(Group.STATIC, 0)).isLessThan(1000);
        assertThat(most.getOrDefault(Group.HELD_BY_C, 0)).isLessThan(1000);
    }

    private static Set<Long> ids(Path file) throws IOException, InterruptedException {
        long end = System.nanoTime() + ThisMachine.PATIENCE.toNanos();
        while (!Files.exists(file)) {
            assertThat(System.nanoTime()).as("no answer in " + file).isLessThan(end);
            Thread.sleep(1);
        }
        try (Stream<String> lines = Files.lines(file)) {
            return lines.map(Long::valueOf).collect(Collectors.toCollection(HashSet::new));
        } finally {
            Files.delete(file);
        }
    }
}
