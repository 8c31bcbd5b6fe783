// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetOptions;
import dev.heapwalk.memory.Window;
import dev.heapwalk.testkit.Rollup;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

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

    /** A program writes so much at most, in bytes, to go on from a fork to where it waits. */
    private static final long OWN_STEPS = 1 << 16;

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

    /** Of a small process the kernel is asked at once, of a large one where a new process runs the same program. */
    @ParameterizedTest
    @ValueSource(ints = {4, 80})
    void noticesAForkWhileItLooks(int megabytes) throws Exception {
        String source = """
                #include <signal.h>
                #include <stdio.h>
                #include <stdlib.h>
                #include <string.h>
                #include <sys/prctl.h>
                #include <unistd.h>
                int main(int argc, char **argv) {
                    long size = MEGABYTESL << 20;
                    char *area = malloc(size);
                    memset(area, 1, size);
                    printf("%lx\\n", (long) area);
                    fflush(stdout);
                    while (getchar() != '\\n');
                    if (fork() == 0) {
                        prctl(PR_SET_PDEATHSIG, SIGKILL);
                        while (getppid() != 1) pause();
                        return 0;
                    }
                    printf("0\\n");
                    fflush(stdout);
                    while (getchar() != EOF);
                }
                """;
        try (CTarget program =
                CTarget.start("forks-" + megabytes, source.replace("MEGABYTES", Integer.toString(megabytes)))) {
            long area = program.hex();
            try (Target target = Target.observe(program.pid())) {
                target.memory().refresh();
                program.say("fork");
                program.hex();
                long shared = Rollup.of(program.pid()).get("Shared_Dirty");
                assertThat(shared).isGreaterThan(megabytes << 20);
                // It is looked for once a second.
                for (int i = 0; i < 3; i++) {
                    Thread.sleep(500);
                    target.memory().refresh();
                }
                for (long at = area; at < area + ((long) megabytes << 20); at += 1 << 16) {
                    assertThat(target.memory().readLong(at)).isEqualTo(0x0101_0101_0101_0101L);
                }
                // Both go on for a few steps after the fork, and have some pages of stack to themselves by then.
                assertThat(Rollup.of(program.pid()).get("Shared_Dirty")).isGreaterThan(shared - OWN_STEPS);
            }
        }
    }

    @TempDir
    private Path folder;

    private void process(int pid, String program, long resident) throws IOException {
        Path thread = Files.createDirectories(folder.resolve(pid + "/task/" + pid));
        Files.deleteIfExists(folder.resolve(pid + "/exe"));
        Files.createSymbolicLink(folder.resolve(pid + "/exe"), Path.of(program));
        Files.writeString(thread.resolve("status"), "VmRSS:\t%d kB\n".formatted(resident >> 10));
        Files.writeString(thread.resolve("smaps_rollup"), "Pss_Anon: 8 kB\nAnonymous: 16 kB\n");
    }

    @Test
    void asksOnlyWhatIsNew() throws Exception {
        Family family = new Family(new ProcFs(folder, folder), 1);
        process(1, "/bin/one", 1L << 30);
        process(2, "/bin/other", 0);
        assertThat(family.sharesPages(1)).isFalse();
        // It is known, and what it runs by now does not make it one of the family.
        process(2, "/bin/one", 0);
        assertThat(family.sharesPages(1)).isFalse();
        process(3, "/bin/one", 0);
        assertThat(family.sharesPages(1)).isTrue();
        // Nobody is known any more: who shares is not told.
        assertThat(family.sharesPages(1)).isTrue();
    }

    @Test
    void asksTheKernelAtOnceOfASmallProcess() throws Exception {
        process(1, "/bin/one", 1L << 20);
        assertThat(new Family(new ProcFs(folder, folder), 1).sharesPages(1)).isTrue();
    }

    @Test
    void oneThatSharesNothingIsNotAskedAgain() throws Exception {
        Family family = new Family(new ProcFs(folder, folder), 1);
        process(1, "/bin/one", 1L << 30);
        process(2, "/bin/one", 0);
        Path rollup = folder.resolve("1/task/1/smaps_rollup");
        Files.writeString(rollup, "Pss_Anon: 16 kB\nAnonymous: 16 kB\n");
        assertThat(family.sharesPages(1)).isFalse();
        Files.writeString(rollup, "Pss_Anon: 8 kB\nAnonymous: 16 kB\n");
        assertThat(family.sharesPages(1)).as("the kernel is not asked").isFalse();
        process(3, "/bin/one", 0);
        assertThat(family.sharesPages(1)).isTrue();
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
