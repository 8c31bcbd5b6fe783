// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.MiniDebugInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Symbols of functions in {@code .gnu_debugdata}, as Fedora's programs have them. */
class CompressedSymbolsTest {
    @TempDir
    private Path folder;

    private Path program() throws IOException {
        Path full = CProgram.compile("subject", Subject.SOURCE);
        return MiniDebugInfo.strip(full, folder.resolve("subject"));
    }

    @Test
    void functionsAreFoundAndNothingElseIs() throws IOException {
        List<Oracle.Symbol> all = Oracle.symbols(CProgram.compile("subject", Subject.SOURCE), "--syms");
        List<Oracle.Symbol> functions =
                all.stream().filter(symbol -> symbol.type().equals("FUNC")).toList();
        try (Subject subject = Subject.startCopy(program());
                Target target = subject.observe()) {
            ElfModule module = ElfModuleTest.module(target, "/subject");
            assertThat(module.hasFullSymbols()).as("no variables").isFalse();
            assertThat(module.symbol("local_variable")).isEmpty();
            assertThat(module.symbol("exported_function")).hasValue(subject.told("exported_function"));
            assertThat(module.symbolAt(subject.told("exported_function") + 1).map(ElfSymbol::name))
                    .hasValue("exported_function");
            ElfModuleTest.checkSymbols(module, functions, 1);
            assertThat(module.symbols().map(ElfSymbol::name)).contains("wait_for_ever", "main");
        }
    }

    /** Each harm to the section costs its symbols, or nothing. */
    @Test
    void aHarmedSectionHasNoSymbols() throws IOException {
        Path program = program();
        byte[] whole = Files.readAllBytes(program);
        List<long[]> places;
        try (Stream<String> lines = Oracle.lines("readelf", "-SW", program.toString()).stream()) {
            places = lines.filter(line -> line.contains(".gnu_debugdata"))
                    .map(line -> line.substring(line.indexOf("PROGBITS")).split("\\s+"))
                    .map(words -> new long[] {Oracle.hex(words[2]), Oracle.hex(words[3])})
                    .toList();
        }
        assertThat(places).hasSize(1);
        int start = (int) places.getFirst()[0];
        int size = (int) places.getFirst()[1];
        Random random = new Random(1);
        int found = 0;
        for (int round = 0; round < 8; round++) {
            byte[] harmed = whole.clone();
            if (round > 0) {
                harmed[start + random.nextInt(size)] ^= (byte) (1 + random.nextInt(255));
            }
            Files.write(program, harmed);
            try (Subject subject = Subject.startCopy(program);
                    Target target = subject.observe()) {
                ElfModule module = ElfModuleTest.module(target, "/subject");
                found += module.symbol("wait_for_ever").isPresent() ? 1 : 0;
                assertThat(module.symbol("no_such_symbol_anywhere")).isEmpty();
            }
        }
        assertThat(found).as("all but the whole one are harmed").isEqualTo(1);
    }
}
