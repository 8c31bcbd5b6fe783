// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What {@code readelf} and {@code gdb} say. */
final class Oracle {
    private static final Pattern SYMBOL = Pattern.compile(
            "\\s*\\d+: ([0-9a-f]+)\\s+(\\w+) (\\w+)\\s+(\\w+)\\s+\\w+\\s+(?:\\[.*\\] *)?(\\w+) ([^@\\s]+)(@@?\\S+)?.*");

    private Oracle() {}

    /**
     * A defined symbol.
     *
     * @param value {@code st_value}
     * @param size {@code st_size}
     * @param type {@code FUNC}, {@code OBJECT}, {@code TLS}, ...
     * @param binding {@code GLOBAL}, {@code LOCAL}, ...
     * @param section its number, or {@code ABS}
     * @param name without version
     * @param byDefault whether its version is the default one, or it has none
     */
    record Symbol(long value, long size, String type, String binding, String section, String name, boolean byDefault) {}

    /** Runs a command that must succeed and gives what it printed. */
    static List<String> lines(String... command) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("LC_ALL", "C.UTF-8");
        builder.environment().put("DEBUGINFOD_URLS", "");
        Process process = builder.start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            assertThat(process.waitFor())
                    .as(String.join(" ", command) + "\n" + said)
                    .isZero();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
        return said.lines().toList();
    }

    /** The defined symbols of a table: {@code --dyn-syms} for the dynamic ones, {@code --syms} for all. */
    static List<Symbol> symbols(Path file, String table) throws IOException {
        List<Symbol> symbols = new ArrayList<>();
        for (String line : lines("readelf", "-W", table, file.toString())) {
            Matcher symbol = SYMBOL.matcher(line);
            if (symbol.matches() && !symbol.group(5).equals("UND")) {
                symbols.add(new Symbol(
                        Long.parseUnsignedLong(symbol.group(1), 16),
                        Long.decode(symbol.group(2)),
                        symbol.group(3),
                        symbol.group(4),
                        symbol.group(5),
                        symbol.group(6),
                        symbol.group(7) == null || symbol.group(7).startsWith("@@")));
            }
        }
        assertThat(symbols)
                .as("symbols that readelf " + table + " tells of " + file)
                .isNotEmpty();
        return symbols;
    }

    static String buildId(Path file) throws IOException {
        for (String line : lines("readelf", "-n", file.toString())) {
            if (line.contains("Build ID:")) {
                return line.substring(line.indexOf(':') + 1).strip();
            }
        }
        throw new AssertionError(file + " has no build id");
    }

    /** File addresses of the relocations of a type. */
    static List<Long> relocations(Path file, String type) throws IOException {
        List<Long> found = new ArrayList<>();
        boolean packed = false;
        for (String line : lines("readelf", "-Wr", file.toString())) {
            if (line.startsWith("Relocation section")) {
                packed = line.contains(".relr.");
            }
            String[] words = line.strip().split("\\s+");
            if (words.length >= 3 && words[2].equals(type)) {
                found.add(Long.parseUnsignedLong(words[0], 16));
            } else if (packed && type.endsWith("_RELATIVE") && words[0].matches("[0-9a-f]{16}")) {
                found.add(Long.parseUnsignedLong(words[0], 16));
            }
        }
        return found;
    }

    /** The program headers of a type: offset, address, size in the file, size in memory. */
    static List<long[]> segments(Path file, String type) throws IOException {
        List<long[]> found = new ArrayList<>();
        for (String line : lines("readelf", "-lW", file.toString())) {
            String[] words = line.strip().split("\\s+");
            if (words.length >= 6 && words[0].equals(type)) {
                found.add(new long[] {hex(words[1]), hex(words[2]), hex(words[4]), hex(words[5])});
            }
        }
        return found;
    }

    static long hex(String word) {
        return Long.parseUnsignedLong(word.replaceFirst("^0x", ""), 16);
    }
}
