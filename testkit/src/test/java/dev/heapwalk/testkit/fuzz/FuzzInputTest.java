// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FuzzInputTest {
    private static final int INPUTS = 300;

    @TempDir
    private Path folder;

    /** The contents of the files of a seed, a checksum each. */
    private static TreeMap<String, String> contents(FuzzSeed seed) throws IOException {
        TreeMap<String, String> contents = new TreeMap<>();
        try (Stream<Path> files = Files.walk(seed.core().getParent())) {
            for (Path file : files.toList()) {
                String content = "folder";
                if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
                    // The whole of a core takes long: what a harm changes is in its first megabytes or is seen below.
                    content = Files.size(file) > 16 << 20 ? "large" : Long.toString(sum(Files.readAllBytes(file)));
                }
                contents.put(file.toString(), content);
            }
        }
        return contents;
    }

    private static long sum(byte[] bytes) {
        CRC32 sum = new CRC32();
        sum.update(bytes);
        return sum.getValue();
    }

    @Test
    void aNumberIsOneInputAndIsMended() throws IOException {
        List<Path> kept = Seeds.prepared();
        Path malloc = kept.stream()
                .filter(seed -> seed.getFileName().toString().equals("malloc-trixie"))
                .findFirst()
                .orElseThrow();
        try (FuzzSeed seed = FuzzSeed.open(malloc, folder)) {
            TreeMap<String, String> sound = contents(seed);
            byte[] head = seed.file().bytes(0, 1 << 20);
            Set<String> different = new HashSet<>();
            EnumSet<FuzzInput.Harm> harms = EnumSet.noneOf(FuzzInput.Harm.class);
            for (int i = 0; i < INPUTS; i++) {
                String described;
                long choice;
                try (FuzzInput input = FuzzInput.of(List.of(seed), 5, i)) {
                    described = input.describe();
                    choice = input.random().nextLong();
                    harms.add(input.harm());
                }
                assertThat(seed.file().bytes(0, 1 << 20)).as(described).isEqualTo(head);
                try (FuzzInput again = FuzzInput.of(List.of(seed), 5, i)) {
                    assertThat(again.describe()).isEqualTo(described);
                    assertThat(again.random().nextLong()).isEqualTo(choice);
                }
                different.add(described);
            }
            assertThat(contents(seed)).isEqualTo(sound);
            assertThat(harms).containsExactlyInAnyOrder(FuzzInput.Harm.values());
            assertThat(different).hasSizeGreaterThan(INPUTS * 9 / 10);
        }
    }
}
