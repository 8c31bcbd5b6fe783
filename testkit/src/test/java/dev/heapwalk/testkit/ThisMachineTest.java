// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class ThisMachineTest {
    /** The line stands in the output of every run of the tests, for whoever wonders why something is left out. */
    @Test
    void saysWhatItCanDo() throws IOException {
        String line = ThisMachine.describe();
        System.out.println(line);
        assertThat(line).contains("32-bit programs ", "core_pattern is '", "Yama ", "soft-dirty bits ");
        assertThat(Command.of(List.of("getconf", "PAGESIZE")).run("ask for the size of pages"))
                .isEqualTo(ThisMachine.pageSize() + "\n");
    }
}
