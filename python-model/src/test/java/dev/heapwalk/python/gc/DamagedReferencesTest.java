// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.gc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.testkit.CoreEditor;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Objects whose words were changed: nothing is thrown, nothing loops, and what is told stays bounded. */
class DamagedReferencesTest {
    private static final int ROUNDS = 30;
    private static final int CHANGES = 400;
    /** One name of so many is made. */
    private static final int NAMED = 16;

    private static final int FIRST_WORD = 16;
    private static final int WORDS = 12;
    private static final int TP_BASE = 256;
    private static final long GIGABYTE = 1L << 30;

    @TempDir
    Path folder;

    @Test
    @Timeout(200)
    void areBounded() throws Exception {
        Python python = Python.trixie();
        Path[] core = new Path[1];
        long[] objects;
        try (PythonProcess process = PythonProcess.of(python).start()) {
            process.ask("kinds");
            process.ask("library");
            List<String> said = process.askStopped("referents", () -> core[0] = Cores.gcore(process, folder));
            objects = said.stream()
                    .filter(line -> Character.isDigit(line.charAt(0)))
                    .mapToLong(line -> Long.parseLong(line.split(" ")[0]))
                    .toArray();
        }
        long[] types = {0};
        long sound = edges(core[0], python, objects, types);
        assertThat(sound).isGreaterThan(100_000);
        Random random = new Random(14);
        for (int round = 0; round < ROUNDS; round++) {
            Map<Long, Long> before = new HashMap<>();
            try (CoreEditor editor = new CoreEditor(core[0])) {
                for (int i = 0; i < CHANGES; i++) {
                    long object = objects[random.nextInt(objects.length)];
                    long place = object + FIRST_WORD + 8L * random.nextInt(WORDS);
                    before.putIfAbsent(place, editor.word(place));
                    editor.set(place, hostile(random, object, objects));
                }
                // Types that are derived from themselves.
                before.putIfAbsent(types[0] + TP_BASE, editor.word(types[0] + TP_BASE));
                editor.set(types[0] + TP_BASE, types[0]);
            }
            assertThat(edges(core[0], python, objects, types)).isBetween(sound / 2, 4 * sound);
            try (CoreEditor editor = new CoreEditor(core[0])) {
                before.forEach(editor::set);
            }
        }
        assertThat(edges(core[0], python, objects, types)).isEqualTo(sound);
    }

    private static long hostile(Random random, long object, long[] objects) {
        return switch (random.nextInt(7)) {
            case 0 -> GIGABYTE;
            case 1 -> -1;
            case 2 -> Long.MAX_VALUE;
            case 3 -> Long.MIN_VALUE;
            case 4 -> object;
            case 5 -> random.nextLong();
            default -> objects[random.nextInt(objects.length)];
        };
    }

    /** How many edges there are; finds a class that was written in Python. */
    private static long edges(Path core, Python python, long[] objects, long[] types) {
        long[] count = {0};
        StringBuilder name = new StringBuilder();
        try (Target target = Target.core(core, python.root())) {
            PythonRuntime runtime = PythonRuntime.locate(target);
            try (ObjectReader reader = runtime.reader();
                    References references = new References(runtime, reader)) {
                for (long object : objects) {
                    long type = reader.typeAt(object);
                    if (type == 0) {
                        continue;
                    }
                    references.all(object, type, (address, kind, label) -> {
                        if (count[0]++ % NAMED == 0) {
                            name.setLength(0);
                            label.appendTo(name);
                        }
                    });
                    if (types[0] == 0 && reader.typeNames().of(type).toString().equals("library.Third")) {
                        types[0] = type;
                    }
                }
            }
        }
        return count[0];
    }
}
