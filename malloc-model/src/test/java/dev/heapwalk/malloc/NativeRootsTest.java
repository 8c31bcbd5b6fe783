// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.graph.root.NativeRoots;
import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Gdb;
import dev.heapwalk.testkit.Grandchild;
import dev.heapwalk.testkit.Release;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Each block of a program that is held by one place alone is held by that place, also where other tools are wrong. */
class NativeRootsTest {
    private static final long MASK = 0x5555555555555555L;

    /** A library with thread-local storage of its own, of which a word can hold a block. */
    static final String LIBRARY = """
            static __thread char before[5000] = {1};
            __thread void *held_by_library;
            void *touch(void *block)
            {
                before[7]++;
                held_by_library = block;
                return 0;
            }
            """;

    @TempDir
    private Path folder;

    /** By case: the kind of root, and the name in it, of which one is the only one that holds the block. */
    private static final Map<String, List<String>> EXPECTED = new LinkedHashMap<>();

    static {
        EXPECTED.put("variable", List.of("variables of /", "held_by_variable"));
        EXPECTED.put("interior", List.of("variables of /", "held_interior"));
        EXPECTED.put("past-end", List.of("variables of /", "held_past_end"));
        EXPECTED.put("frame", List.of("stack of thread", ", holder_frame"));
        EXPECTED.put("register", List.of("registers of thread", "rbx"));
        EXPECTED.put("red-zone", List.of("stack of thread", "frame 0, in_red_zone"));
        EXPECTED.put("thread-local", List.of("thread-local variables of thread", "held_by_thread_local"));
        EXPECTED.put("low-key", List.of("thread-specific data of thread", "key "));
        EXPECTED.put("high-key", List.of());
        EXPECTED.put("library-thread-local", List.of("thread-local variables of thread", "held_by_library"));
        EXPECTED.put("handler", List.of("stack of thread", ", handler_frame"));
        EXPECTED.put("interrupted", List.of("stack of thread", ", interrupted_frame"));
        EXPECTED.put("suspended-coroutine", List.of("mapping 0x", "+0x"));
        EXPECTED.put("left-stack", List.of("stack of thread", "not in use now"));
        EXPECTED.put("running-coroutine", List.of("stack of thread", ", running_frame"));
        EXPECTED.put("ended-thread", List.of());
        EXPECTED.put("exit-list", List.of("variables of /", "libc"));
        EXPECTED.put("private-mapping", List.of("mapping 0x", "+0x38"));
        EXPECTED.put("shared-mapping", List.of("mapping 0x", "+0x38"));
        EXPECTED.put("changed", List.of());
        EXPECTED.put("lost", List.of());
        EXPECTED.put("copied-variable", List.of("variables of /", "prog"));
    }

    static List<Release> releases() {
        return Release.debian();
    }

    @ParameterizedTest
    @MethodSource("releases")
    void eachBlockIsHeldByItsHolder(Release release) throws IOException {
        String source;
        try (InputStream in = NativeRootsTest.class.getResourceAsStream("roots.c")) {
            source = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
        String program =
                CProgram.portableSource("roots", source, "-no-pie", "-fno-pie").install(release, true);
        String library =
                CProgram.portableSource("held.so", LIBRARY, "-shared", "-fPIC").install(release, true);
        Grandchild process = Grandchild.start(new ProcessBuilder(release.command(true, List.of(program, library))));
        try {
            Map<String, Long> ledger = ledger(process);
            try (Target target = Target.attach(process.pid())) {
                check(target, ledger);
            }
            if (release != Release.SID) {
                // There gdb can't read the guard pages of stacks, and writes zeros for all of them.
                Path core = folder.resolve("core");
                Gdb.framesAndCore(release, process.pid(), program, core);
                try (Target target = Target.core(core, release.root(true).orElseThrow())) {
                    check(target, ledger);
                }
            }
        } finally {
            process.destroyForcibly();
        }
    }

    private static Map<String, Long> ledger(Grandchild process) throws IOException {
        Map<String, Long> blocks = new HashMap<>();
        BufferedReader out = process.inputReader();
        for (String line = out.readLine(); !line.equals("ready"); line = out.readLine()) {
            String[] words = line.split(" ");
            assertThat(words).as(line).hasSize(2);
            blocks.put(words[0], Long.parseUnsignedLong(words[1], 16) ^ MASK);
        }
        return blocks;
    }

    private static void check(Target target, Map<String, Long> ledger) {
        Heaps heaps = Heaps.of(target);
        try (NativeRoots roots = NativeRoots.of(heaps)) {
            // That of the coroutine that runs, by the rules of some glibcs.
            assertThat(roots.missing())
                    .hasSizeLessThanOrEqualTo(1)
                    .allSatisfy(line -> assertThat(line).contains("leads to no code"));
            Map<String, List<String>> holders = new HashMap<>();
            Map<Long, String> names = new HashMap<>();
            ledger.forEach((name, address) -> {
                holders.put(name, new ArrayList<>());
                Block block = heaps.blockAt(address).orElseThrow();
                for (long at = block.address(); at <= block.address() + block.usableSize(); at++) {
                    names.put(at, name);
                }
            });
            List<String> keyTables = new ArrayList<>();
            roots.roots((address, category, label) -> {
                String name = names.get(address);
                if (name != null) {
                    StringBuilder text = new StringBuilder(category.label()).append(": ");
                    label.appendTo(text);
                    holders.get(name).add(text.toString());
                }
                if (category.label().startsWith("thread-specific data")
                        && target.memory().readLong(address + 16 * (39 - 32) + 8) == ledger.get("high-key")) {
                    label.appendTo(new StringBuilder());
                    keyTables.add(category.label());
                }
            });
            EXPECTED.forEach((name, expected) -> {
                List<String> found = holders.get(name);
                if (expected.isEmpty()) {
                    assertThat(found).as(name).isEmpty();
                } else {
                    assertThat(found)
                            .as("%s of %s", name, holders)
                            .isNotEmpty()
                            .allSatisfy(holder -> assertThat(holder)
                                    .startsWith(expected.get(0))
                                    .contains(expected.get(1)));
                }
            });
            // The dynamic linker has a block for each module that was loaded later.
            assertThat(holders.get("dlopened")).anyMatch(holder -> holder.contains("/ld-"));
            // The table that the C library made for it is held by the thread.
            assertThat(keyTables).hasSize(1);
        }
    }
}
