// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.cli.output.Failure;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/**
 * Runs commands on cores and files that were harmed, by fixed seeds. {@code script/fuzz} runs as many as one likes, or
 * one of them again.
 */
class FuzzIT {
    private static final long COUNT = 400;

    @Test
    void whateverIsHarmedTheCommandEndsAndTells() throws IOException {
        Fuzz.Outcome outcome = Fuzz.run(Fuzz.SEED, 0, COUNT, "-", 2, line -> System.out.println("fuzz: " + line));
        assertThat(outcome.findings()).isEmpty();
        assertThat(outcome.ran()).isEqualTo(COUNT);
        // Were most inputs refused at once, little would be tried.
        assertThat(outcome.statuses().getOrDefault(Failure.UNREADABLE, 0L)).isLessThan(COUNT / 3);
        assertThat(outcome.statuses().getOrDefault(Failure.DAMAGED, 0L)).isGreaterThan(COUNT / 10);
    }
}
