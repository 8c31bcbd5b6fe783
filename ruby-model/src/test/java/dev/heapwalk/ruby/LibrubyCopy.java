// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.testkit.Ruby;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A copy of the {@code libruby} of a Debian release, in a folder of that release of its own, to be changed and then
 * used by a process whose {@code LD_LIBRARY_PATH} is that folder. It goes when this is closed.
 */
final class LibrubyCopy implements AutoCloseable {
    private static final int SHT_SYMTAB = 2;
    private static final int SHT_DYNSYM = 11;
    private static final int PT_LOAD = 1;
    private static final int SYMBOL = 24;

    private final Path root;
    private final Path folder;
    private final Path file;
    private final ByteBuffer elf;
    /** Offset in the file of the {@code Elf64_Sym} of each exported name. */
    private final Map<String, Integer> symbols;

    LibrubyCopy(Ruby ruby) throws IOException {
        root = ruby.root();
        // Under the name that the program asks for, as which Debian has a link.
        Path own = root.resolve("usr/lib/x86_64-linux-gnu/libruby-" + ruby.version() + ".so." + ruby.version());
        elf = ByteBuffer.wrap(Files.readAllBytes(own)).order(ByteOrder.LITTLE_ENDIAN);
        symbols = exported();
        folder = Files.createTempDirectory(root.resolve("tmp"), "heapwalk-libruby");
        file = folder.resolve(own.getFileName());
        save();
    }

    /** The folder as a process in the release sees it. */
    String folder() {
        return "/" + root.relativize(folder);
    }

    /** The folder as this machine sees it. */
    Path place() {
        return folder;
    }

    /** The file's name. */
    String name() {
        return file.getFileName().toString();
    }

    /** The address of an exported symbol, from the module's beginning; empty if the library never exported it. */
    OptionalLong address(String symbol) {
        Integer at = symbols.get(symbol);
        return at == null ? OptionalLong.empty() : OptionalLong.of(elf.getLong(at + 8));
    }

    /** Writes another version, at least as long, into {@code ruby_version} and {@code ruby_description}. */
    void setVersion(String version) throws IOException {
        int at = offset(address("ruby_version").orElseThrow());
        String text = new String(elf.array(), StandardCharsets.ISO_8859_1);
        String old = text.substring(at, text.indexOf('\0', at));
        // Up to two characters more find place before what is aligned behind it.
        assertThat(text.substring(at + old.length(), at + version.length() + 1)).matches("\0+");
        elf.put(at, (version + '\0').getBytes(StandardCharsets.ISO_8859_1));
        Matcher description = Pattern.compile("ruby " + Pattern.quote(old) + "([^)\\x00]+)\\)")
                .matcher(text);
        int descriptions = 0;
        while (description.find()) {
            int length = description.end() - 1 - description.start();
            String changed = ("ruby " + version + description.group(1)).substring(0, length);
            elf.put(description.start(), changed.getBytes(StandardCharsets.ISO_8859_1));
            descriptions++;
        }
        assertThat(descriptions).isPositive();
        save();
    }

    /** Takes the names of symbols away; the library itself goes on to use what they were names of. */
    void forget(Set<String> names) throws IOException {
        for (String name : names) {
            Integer at = symbols.get(name);
            if (at != null) {
                elf.putInt(at, 0);
                // STB_LOCAL: the loader then takes the library's own, without a look at names.
                elf.put(at + 4, (byte) (elf.get(at + 4) & 0xf));
            }
        }
        save();
    }

    private void save() throws IOException {
        Files.write(file, elf.array());
    }

    private Map<String, Integer> exported() {
        Map<String, Integer> found = new HashMap<>();
        int sections = (int) elf.getLong(0x28);
        for (int i = 0; i < elf.getShort(0x3c); i++) {
            int section = sections + i * 64;
            int type = elf.getInt(section + 4);
            assertThat(type).as("what Debian delivers is stripped").isNotEqualTo(SHT_SYMTAB);
            if (type == SHT_DYNSYM) {
                int from = (int) elf.getLong(section + 24);
                int names = (int) elf.getLong(sections + elf.getInt(section + 40) * 64 + 24);
                for (int at = from; at < from + elf.getLong(section + 32); at += SYMBOL) {
                    if (elf.getShort(at + 6) != 0) {
                        found.put(text(names + elf.getInt(at)), at);
                    }
                }
            }
        }
        return found;
    }

    private String text(int at) {
        int end = at;
        while (elf.get(end) != 0) {
            end++;
        }
        return new String(elf.array(), at, end - at, StandardCharsets.US_ASCII);
    }

    /** Where the file has what lies at an address. */
    private int offset(long address) {
        int headers = (int) elf.getLong(0x20);
        for (int i = 0; i < elf.getShort(0x38); i++) {
            int header = headers + i * 56;
            long into = address - elf.getLong(header + 16);
            if (elf.getInt(header) == PT_LOAD && into >= 0 && into < elf.getLong(header + 32)) {
                return (int) (elf.getLong(header + 8) + into);
            }
        }
        throw new IllegalArgumentException("nothing of the file lies at 0x%x".formatted(address));
    }

    @Override
    public void close() throws IOException {
        Files.deleteIfExists(file);
        Files.deleteIfExists(folder);
    }
}
