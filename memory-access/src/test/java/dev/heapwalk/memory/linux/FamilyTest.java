// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetOptions;
import dev.heapwalk.memory.Window;
import dev.heapwalk.testkit.Rollup;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A read leaves pages shared that a process has in common with its family. */
class FamilyTest {
    private static final String SOURCE = """
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <unistd.h>
            int main(int argc, char **argv) {
                char *area = malloc(4 << 20), c;
                int out[2], in[2];
                memset(area, 1, 4 << 20);
                pipe(out);
                pipe(in);
                int child = fork();
                if (child == 0) {
                    close(out[1]);
                    write(in[1], "", 1);
                    read(out[0], &c, 1);
                    return 0;
                }
                close(out[0]);
                read(in[0], &c, 1);
                printf("%lx\\n%lx\\n", (long) area, (long) child);
                fflush(stdout);
                getchar();
            }
            """;

    @ParameterizedTest
    @CsvSource({"true, true", "true, false", "false, true", "false, false"})
    void readsWhatIsSharedAndLeavesItSo(boolean parent, boolean stopped) throws Exception {
        try (CTarget program = CTarget.start("family", SOURCE)) {
            long area = program.hex();
            long child = program.hex();
            long pid = parent ? program.pid() : child;
            Map<String, Long> before = Rollup.of(pid);
            assertThat(before.get("Shared_Dirty")).isGreaterThan(4 << 20);
            try (Target target = stopped ? Target.attach(pid) : Target.observe(pid)) {
                try (Window window = target.memory().window()) {
                    for (long at = area; at < area + (4 << 20); at += 1 << 16) {
                        assertThat(target.memory().readLong(at)).isEqualTo(0x0101_0101_0101_0101L);
                        window.require(at, 1 << 16);
                    }
                }
                long[] starts = {area, area + (1 << 20)};
                long[] lengths = {8, 8};
                target.memory().readRanges(starts, lengths, 2, MemorySegment.ofArray(new byte[16]), new long[2]);
            }
            Map<String, Long> after = Rollup.of(pid);
            assertThat(after.get("Shared_Dirty")).isEqualTo(before.get("Shared_Dirty"));
        }
    }

    /** Its file shows the address space that it had when the file was opened. */
    @Test
    void readsOnWhereAnotherProgramIsRun() throws Exception {
        String source = """
                #include <stdio.h>
                #include <stdlib.h>
                #include <unistd.h>
                int main(int argc, char **argv) {
                    long *word = malloc(8);
                    *word = argc;
                    printf("%lx\\n", (long) word);
                    fflush(stdout);
                    getchar();
                    if (argc == 1) execl("/proc/self/exe", argv[0], "again", (char *) 0);
                }
                """;
        try (CTarget program = CTarget.start("runs-another", source)) {
            long word = program.hex();
            FakeLibc libc = new FakeLibc().always("process_vm_readv", Errno.EPERM);
            try (Target target =
                    LiveTarget.observe(program.pid(), TargetOptions.DEFAULT, libc, ProcFs.ofThisMachine())) {
                assertThat(target.memory().readLong(word)).isEqualTo(1);
                program.say("on");
                long other = program.hex();
                target.memory().refresh();
                assertThat(target.memory().readLong(other)).isEqualTo(2);
            }
        }
    }
}
