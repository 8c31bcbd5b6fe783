// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.testkit.ThisMachine;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Looks at a busy program again and again; the program itself says whether it noticed, and the kernel whether anything is
 * left behind in it or in the reader. {@code HEAPWALK_SOAK_ROUNDS} sets how often, 100 times in each way by itself.
 */
class LookSoakTest {
    private static final int ROUNDS = Soak.count("HEAPWALK_SOAK_ROUNDS", 100);

    @ParameterizedTest
    @EnumSource
    void theProgramNoticesNothing(Look look) throws IOException, InterruptedException {
        try (CTarget program = CTarget.busy()) {
            Process reader = new ProcessBuilder(
                            Reader.command(List.of(), "rounds", program.pid(), look.name(), Integer.toString(ROUNDS)))
                    .redirectErrorStream(true)
                    .start();
            try (BufferedReader said = reader.inputReader();
                    PrintStream go = new PrintStream(reader.getOutputStream(), true)) {
                Resources readerAtFirst = null;
                Resources programAtFirst = null;
                for (int part = 1; part <= Reader.PARTS; part++) {
                    String line = said.readLine();
                    assertThat(line).as("what the reader says").startsWith("descriptors ");
                    assertThat(program.untouched()).isTrue();
                    String checked = program.check();
                    System.out.printf(
                            "%s, part %d of %d: reader %s; program %s%n", look, part, Reader.PARTS, line, checked);
                    assertThat(checked).startsWith("ok: ");
                    assertThat(program.copies()).isEmpty();
                    Resources ofReader = Resources.parse(line);
                    Resources ofProgram = Resources.of(program.pid());
                    if (part == 1) {
                        readerAtFirst = ofReader;
                        programAtFirst = ofProgram;
                    }
                    assertThat(ofReader.grewFrom(readerAtFirst))
                            .as("reader: %s -> %s", readerAtFirst, ofReader)
                            .isFalse();
                    assertThat(ofProgram.grewFrom(programAtFirst))
                            .as("program: %s -> %s", programAtFirst, ofProgram)
                            .isFalse();
                    go.println();
                }
                String looks = said.readLine();
                System.out.printf("%s: %s%n", look, looks);
                assertThat(looks).containsPattern("^[1-9]\\d* looks");
                assertThat(reader.waitFor(ThisMachine.PATIENCE)).isTrue();
                assertThat(reader.exitValue()).isZero();
            } finally {
                reader.destroyForcibly();
            }
        }
    }
}
