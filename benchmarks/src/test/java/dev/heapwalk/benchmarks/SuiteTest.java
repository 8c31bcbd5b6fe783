// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class SuiteTest {
    @Test
    void namesAreDifferentAndBeginWithHeapwalk() {
        assertThat(Suite.subjects()).extracting(Subject::name).doesNotHaveDuplicates();
        assertThat(Suite.subjects()).allSatisfy(subject -> {
            assertThat(subject.ways()).doesNotHaveDuplicates().first().isEqualTo(Way.JAVA);
            assertThat(subject.goals().keySet())
                    .allMatch(ratio -> subject.ways().contains(ratio.replaceFirst(" (cpu|wall)$", "")));
        });
    }

    @Test
    void eachAcceptedFigureIsOfASubjectWithTheseWays() throws IOException {
        Results accepted = Results.read(Path.of("accepted.json"));
        assertThat(accepted.results())
                .isNotEmpty()
                .allSatisfy((name, result) -> assertThat(Suite.subject(name))
                        .hasValueSatisfying(subject -> assertThat(
                                        result.measurement().ways().keySet())
                                .containsExactlyElementsOf(subject.ways())));
    }

    @Test
    void aBeginningNamesWhatTheSetHolds() throws Arguments.Refused {
        Arguments arguments = Arguments.of(new String[] {"ChunkWalk/core", "SlotWalk/core/fresh/10M"});
        assertThat(Suite.subjects().stream().filter(arguments::want).map(Subject::name))
                .containsExactly(
                        "ChunkWalk/core/fresh/10k",
                        "ChunkWalk/core/fresh/1M",
                        "ChunkWalk/core/fragmented/10k",
                        "ChunkWalk/core/fragmented/1M",
                        "SlotWalk/core/fresh/10M");
        assertThatThrownBy(() -> Arguments.of(new String[] {"ChunkWal"}))
                .isInstanceOf(Arguments.Refused.class)
                .hasMessageContaining("ChunkWalk, SlotWalk");
    }

    @Test
    void theBuildMeasuresWhatIsHeldAgainstC() {
        List<Subject<?>> measured = Suite.subjects().stream()
                .filter(subject -> subject.set() == Suite.Set.SHORT)
                .toList();
        assertThat(measured).isNotEmpty().allMatch(subject -> subject.allocation() != Allocation.BY_NATURE);
    }
}
