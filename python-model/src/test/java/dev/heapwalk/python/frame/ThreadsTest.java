// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.frame;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is known of threads, and what Python itself tells of them. */
class ThreadsTest {
    private static final Pattern FAULT_THREAD = Pattern.compile("(?:Current thread|Thread) 0x([0-9a-f]+).*");
    private static final Pattern FAULT_FRAME = Pattern.compile("  File \"(.*)\", line (\\d+|\\?\\?\\?) in (.*)");
    /** So many frames are shown by Python. */
    private static final int MOST_FAULTS = 100;

    private static final int LOOKS = 5;
    private static final int MOST_LOOKS = 100;

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void haveTheirNamesAndNumbers(Python python) throws Exception {
        try (PythonProcess process =
                PythonProcess.of(python).script("frames.py").start()) {
            List<ThreadInfo> found = new ArrayList<>();
            List<String> said = process.askStopped("names", () -> {
                try (Target target = Target.attach(process.pid())) {
                    found.addAll(look(target));
                }
            });
            assertThat(found.stream().map(ThreadsTest::told))
                    .containsExactlyInAnyOrderElementsOf(said.stream()
                            .map(line -> line.replaceFirst(" -?\\d+ ([0-9a-f]+)$", " $1"))
                            .toList());
            for (String line : said) {
                String[] words = line.split(" ");
                ThreadInfo info = found.stream()
                        .filter(one -> one.thread().threadId() == Long.parseLong(words[1]))
                        .findFirst()
                        .orElseThrow();
                long tid = Long.parseLong(words[2]);
                // In a root of its own it is in no other namespace.
                assertThat(tid == -1 ? info.thread().nativeThreadId() : tid)
                        .isIn(-1L, info.system().orElseThrow().tid());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void haveTheLockIfTheyCompute(Python python) throws Exception {
        try (PythonProcess process =
                PythonProcess.of(python).script("frames.py").start()) {
            long computing =
                    Long.parseLong(process.askStopped("computing", () -> {}).getFirst());
            // The thread that answers has the lock for a moment more.
            ThreadInfo.Activity runs =
                    python.freeThreaded() ? ThreadInfo.Activity.WITHOUT_LOCK : ThreadInfo.Activity.RUNNING;
            for (int i = 0; i < MOST_LOOKS && !computes(process, computing, runs); i++) {
                Thread.onSpinWait();
            }
            for (int i = 0; i < LOOKS; i++) {
                assertThat(computes(process, computing, runs)).isTrue();
            }
        }
    }

    /** Whether one thread has the lock, where there is one, and runs, and all others wait. */
    private static boolean computes(PythonProcess process, long computing, ThreadInfo.Activity runs) {
        try (Target target = Target.attach(process.pid())) {
            return look(target).stream()
                    .allMatch(info -> info.activity()
                            == (info.thread().threadId() == computing ? runs : ThreadInfo.Activity.IDLE));
        }
    }

    private static List<ThreadInfo> look(Target target) {
        PythonRuntime runtime = PythonRuntime.locate(target);
        try (ObjectReader reader = runtime.reader()) {
            return new Threads(runtime, reader).all();
        }
    }

    private static String told(ThreadInfo info) {
        return "thread %d %s"
                .formatted(
                        info.thread().threadId(),
                        HexFormat.of().formatHex(info.name().orElseThrow().getBytes(StandardCharsets.UTF_8)));
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void haveTheFramesOfFaulthandler(Python python) throws Exception {
        if (!python.isAtLeast(3, 6)) {
            return;
        }
        try (PythonProcess process =
                PythonProcess.of(python).script("frames.py").start()) {
            List<String> found = new ArrayList<>();
            List<String> said = process.askStopped("faulthandler", () -> {
                try (Target target = Target.attach(process.pid())) {
                    PythonRuntime runtime = PythonRuntime.locate(target);
                    try (ObjectReader reader = runtime.reader()) {
                        for (ThreadInfo info : new Threads(runtime, reader).all()) {
                            found.addAll(frames(runtime, reader, info));
                        }
                    }
                }
            });
            List<String> expected = new ArrayList<>();
            String thread = "";
            boolean own = false;
            int frames = 0;
            for (String line : said) {
                Matcher head = FAULT_THREAD.matcher(line);
                Matcher frame = FAULT_FRAME.matcher(line);
                if (head.matches()) {
                    thread = Long.toHexString(Long.parseUnsignedLong(head.group(1), 16));
                    own = line.startsWith("Current");
                    frames = 0;
                } else if (frame.matches() && !own && frames++ < MOST_FAULTS) {
                    expected.add("%s %s:%s %s".formatted(thread, frame.group(1), frame.group(2), frame.group(3)));
                }
            }
            assertThat(expected).hasSizeGreaterThan(100);
            assertThat(found).containsAll(expected);
        }
    }

    private static List<String> frames(PythonRuntime runtime, ObjectReader reader, ThreadInfo info) {
        List<String> rows = new ArrayList<>();
        Frames frames = new Frames(runtime, reader);
        frames.overThread(info.thread());
        while (frames.next()) {
            rows.add("%x %s:%s %s"
                    .formatted(
                            info.thread().threadId(),
                            escaped(frames.file()),
                            frames.line() < 0 ? "???" : Integer.toString(frames.line()),
                            escaped(frames.name())));
        }
        return rows;
    }

    /** As faulthandler writes it. */
    private static String escaped(String text) {
        StringBuilder out = new StringBuilder();
        text.chars().forEach(one -> out.append(one < 0x7F ? Character.toString(one) : "\\x%02x".formatted(one)));
        return out.toString();
    }
}
