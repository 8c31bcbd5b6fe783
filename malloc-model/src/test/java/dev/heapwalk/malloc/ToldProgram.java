// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.libc.LibcCategories;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A program that tells what it holds, one block a line, what else it knows in lines of a name and a number, and waits.
 */
final class ToldProgram implements AutoCloseable {
    final Process process;
    /** Usable sizes by address. */
    final Map<Long, Long> blocks = new HashMap<>();

    /** What each library allocated, where it tells: in lines with its number before the block. */
    final Map<Integer, Set<Long>> owners = new HashMap<>();

    final Map<String, Long> numbers = new HashMap<>();
    long pid;

    ToldProgram(Map<String, String> environment, String... command) throws IOException {
        // By a shell, since a child of the JVM can't be stopped.
        List<String> shell = new ArrayList<>(List.of("sh", "-c", "\"$@\"; :", "sh"));
        shell.addAll(List.of(command));
        ProcessBuilder builder = new ProcessBuilder(shell).redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().putAll(environment);
        process = builder.start();
        BufferedReader lines =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.ISO_8859_1));
        for (String line = lines.readLine(); line != null && !line.equals("READY"); line = lines.readLine()) {
            String[] words = line.split(" ");
            if (words[0].equals("pid")) {
                pid = Long.parseLong(words[1]);
            } else if (words.length == 3) {
                blocks.put(Long.decode(words[1]), Long.parseLong(words[2]));
                owners.computeIfAbsent(Integer.valueOf(words[0]), _ -> new HashSet<>())
                        .add(Long.decode(words[1]));
            } else if (words[0].startsWith("0x")) {
                blocks.put(Long.decode(words[0]), Long.parseLong(words[1]));
            } else {
                numbers.put(words[0], Long.parseLong(words[1]));
            }
        }
        assertThat(pid).isPositive();
    }

    /** The blocks that a heap has in use and libc does not keep for itself, with their usable sizes. */
    static Map<Long, Long> used(MallocHeap heap) {
        Map<Long, Long> used = new HashMap<>();
        UsageCursor cursor = UsageCursor.over(Heaps.of(heap));
        while (cursor.next()) {
            if (cursor.category() != Category.NONE
                    && !cursor.category().domain().equals(LibcCategories.LIBC)) {
                used.put(cursor.address(), cursor.usableSize());
            }
        }
        assertThat(cursor.damage()).isEmpty();
        assertThat(heap.damage()).as(heap.evidence().toString()).isEmpty();
        return used;
    }

    @Override
    public void close() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }
}
