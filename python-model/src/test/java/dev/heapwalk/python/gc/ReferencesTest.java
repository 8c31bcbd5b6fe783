// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.gc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What objects refer to, and what {@code gc.get_referents} tells of every object of the garbage collector. */
class ReferencesTest {
    /** Types of which references are missing or too many: what only the code of a C extension knows. */
    private static final Set<String> NAMED = Set.of(
            "_ctypes.PyCPointerType",
            "builtins.PyCapsule",
            "builtins.module",
            "cPickle.Unpickler",
            "sqlite3.Cache",
            "ssl.SSLContext");

    @TempDir
    Path folder;

    /** What was found of the objects of a type. */
    private static final class Tally {
        private int objects;
        private int references;
        private int missing;
        private int tooMuch;
        private int guessed;
        private final Set<String> examples = new TreeSet<>();

        @Override
        public String toString() {
            return "%d objects, %d references, %d missing, %d too many, %d guessed %s"
                    .formatted(objects, references, missing, tooMuch, guessed, examples);
        }
    }

    private final Map<String, Tally> tallies = new TreeMap<>();

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void areThoseOfTheCollector(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            process.ask("kinds");
            process.ask("library");
            Path[] core = new Path[1];
            List<String> said = process.askStopped("referents", () -> core[0] = Cores.gcore(process, folder));
            try (Target target = Target.core(core[0], python.root())) {
                PythonRuntime runtime = PythonRuntime.locate(target);
                try (ObjectReader reader = runtime.reader();
                        References references = new References(runtime, reader)) {
                    compare(said, reader, references);
                }
            }
        }
        Map<String, Tally> wrong = new TreeMap<>(tallies);
        wrong.values().removeIf(tally -> tally.missing == 0 && tally.tooMuch == 0);
        wrong.keySet().removeAll(NAMED);
        StringBuilder text = new StringBuilder();
        wrong.forEach(
                (name, tally) -> text.append('\n').append(name).append(": ").append(tally));
        assertThat(wrong).as(text.toString()).isEmpty();
        assertThat(tallies.values().stream().mapToInt(tally -> tally.objects).sum())
                .isGreaterThan(10_000);
    }

    private void compare(List<String> said, ObjectReader reader, References references) {
        Set<Long> own = new HashSet<>();
        said.stream()
                .filter(line -> line.startsWith("own "))
                .forEach(line -> own.add(Long.parseLong(line.substring("own ".length()))));
        for (String line : said) {
            String[] words = line.split(" ");
            if (!Character.isDigit(line.charAt(0)) || own.contains(Long.parseLong(words[0]))) {
                continue;
            }
            long object = Long.parseLong(words[0]);
            long type = Long.parseLong(words[1]);
            Map<Long, Integer> expected = new HashMap<>();
            for (int i = 2; i < words.length; i++) {
                expected.merge(Long.parseLong(words[i]), 1, Integer::sum);
            }
            Map<Long, Integer> found = new HashMap<>();
            Map<Long, String> labels = new HashMap<>();
            boolean whole = references.references(object, type, (address, kind, label) -> {
                assertThat(kind).isEqualTo(EdgeKind.REFERS);
                StringBuilder name = new StringBuilder();
                label.appendTo(name);
                labels.merge(address, name.toString(), (one, other) -> one + "," + other);
                found.merge(address, 1, Integer::sum);
            });
            Tally tally = tallies.computeIfAbsent(reader.typeNames().of(type).toString(), name -> new Tally());
            tally.objects++;
            tally.references += words.length - 2;
            tally.guessed += whole ? 0 : 1;
            expected.forEach((address, times) -> {
                int less = times - found.getOrDefault(address, 0);
                if (less > 0) {
                    tally.missing += less;
                    example(
                            tally,
                            "no " + reader.typeNames().of(reader.typeAt(address)) + place(object, address, reader));
                }
            });
            found.forEach((address, times) -> {
                int more = times - expected.getOrDefault(address, 0);
                if (more > 0) {
                    tally.tooMuch += more;
                    example(tally, labels.get(address));
                }
            });
        }
    }

    private static String place(long object, long address, ObjectReader reader) {
        for (int at = 16; at < 400; at += 8) {
            if (reader.memory().readLong(object + at, 0) == address) {
                return "@" + at;
            }
        }
        return "";
    }

    private static void example(Tally tally, String text) {
        if (tally.examples.size() < 6) {
            tally.examples.add(text);
        }
    }
}
