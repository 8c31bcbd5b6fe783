// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.Domain;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.libc.LibcCategories;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Release;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * A program that tells what it holds, one block a line, what else it knows in lines of a name and a number, and waits.
 */
final class ToldProgram implements AutoCloseable {
    final Process process;
    /** Usable sizes by address. */
    final Map<Long, Long> blocks = new HashMap<>();

    /** What each library allocated, where it tells: in lines with its number before the block. */
    final Map<Integer, Set<Long>> owners = new HashMap<>();

    /** What lies where, where it tells: in lines of a category, with underscores for spaces, and an address. */
    final Map<String, Set<Long>> uses = new TreeMap<>();

    /** By use, the categories that blocks had in its place when they were asked for. */
    final Map<String, Set<String>> inOtherPlace = new TreeMap<>();

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
            } else if (words[1].startsWith("0x")) {
                uses.computeIfAbsent(words[0].replace('_', ' '), _ -> new HashSet<>())
                        .add(Long.decode(words[1]));
            } else {
                numbers.put(words[0], Long.parseLong(words[1]));
            }
        }
        assertThat(pid).isPositive();
    }

    /** Starts a program in a release, with more arguments. */
    static ToldProgram in(Release release, String name, Map<String, String> environment, String... arguments)
            throws IOException {
        List<String> line = new ArrayList<>();
        line.add(compiled(name).install(release, false));
        line.addAll(List.of(arguments));
        return new ToldProgram(environment, release.command(false, line).toArray(String[]::new));
    }

    /** Compiles a program whose source lies beside this class, or is the testkit's. */
    static CProgram compiled(String name, String... options) throws IOException {
        try (InputStream in = ToldProgram.class.getResourceAsStream(name + ".c")) {
            if (in == null) {
                return CProgram.portable(name, options);
            }
            return CProgram.portableSource(name, new String(in.readAllBytes(), StandardCharsets.UTF_8), options);
        }
    }

    /** How many blocks have each category. */
    static Map<String, Long> counts(Map<Long, Category> categories) {
        return categories.values().stream().collect(Collectors.groupingBy(Category::toString, Collectors.counting()));
    }

    /**
     * Checks that all blocks that the program tells of have the categories that it tells, or one that takes their
     * place, and those that it calls {@code other} none of a domain; returns all blocks of that domain that it does
     * not tell of.
     */
    Map<Long, Category> otherUses(Heaps heaps, Domain domain, String inPlace) {
        TreeMap<Long, Category> categories = new TreeMap<>();
        try (UsageCursor cursor = UsageCursor.over(heaps)) {
            while (cursor.next()) {
                if (cursor.category() != Category.NONE) {
                    categories.put(cursor.address(), cursor.category());
                }
            }
        }
        Map<Long, Category> left = new TreeMap<>(categories);
        uses.forEach((use, addresses) -> addresses.forEach(address -> {
            Map.Entry<Long, Category> block = categories.floorEntry(address);
            if (use.equals("other")) {
                assertThat(block.getValue().domain()).as("0x%x", address).isNotEqualTo(domain);
            } else if (!inPlace.isEmpty() && block.getValue().toString().startsWith(inPlace)) {
                inOtherPlace
                        .computeIfAbsent(use, _ -> new HashSet<>())
                        .add(block.getValue().detail());
            } else {
                assertThat(block.getValue().toString().replace('_', ' '))
                        .as("0x%x", address)
                        .isEqualTo(use);
            }
            left.remove(block.getKey());
        }));
        left.values().removeIf(category -> !category.domain().equals(domain));
        return left;
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
