// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;

/** Cores of the program that keeps a ledger, compiled for aarch64. */
public final class Aarch64Ledger {
    private Aarch64Ledger() {}

    /** Holds a core against the ledger. */
    public interface Check {
        void on(Target target, Ledger ledger) throws Exception;
    }

    /** Those whose first argument is a release that the tests are run on. */
    public static Stream<Arguments> prepared(Arguments... all) {
        return Arrays.stream(all)
                .filter(one -> one.get()[0] instanceof Release release
                        && Release.debian().contains(release));
    }

    /** With threads, of which each frees what others allocated. */
    public static LedgerProcess.Launch of(Release release) {
        return LedgerProcess.of(release, "threads").aarch64().option("threads", 4);
    }

    /** Starts the program, lets it end with a core, and looks at that. */
    public static void check(LedgerProcess.Launch launch, Path folder, Check check) throws Exception {
        try (LedgerProcess process = launch.start()) {
            Ledger ledger = process.ledger();
            assertThat(process.check()).isPositive();
            Path core = Cores.abort(process, folder);
            try (Target target = Target.core(core, process.files())) {
                check.on(target, ledger);
            } finally {
                Files.delete(core);
            }
        }
    }
}
