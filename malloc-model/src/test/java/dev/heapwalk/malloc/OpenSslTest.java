// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Target;
import dev.heapwalk.openssl.OpenSslCategories;
import dev.heapwalk.testkit.Release;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a program with connections of OpenSSL tells of its blocks. */
class OpenSslTest {
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#all")
    void blocksAreWhatTheLibraryMade(Release release) throws Exception {
        try (ToldProgram told = ToldProgram.in(release, "openssl", Map.of());
                Target target = Target.attach(told.pid)) {
            assertThat(told.uses.get("openssl SSL CTX")).hasSize(4);
            assertThat(told.uses.get("openssl SSL")).hasSize(30);
            assertThat(told.uses.get("openssl SSL SESSION")).hasSize(30);
            assertThat(told.uses.get("openssl SSL record buffer")).hasSize(60);
            int layers =
                    told.uses.getOrDefault("openssl SSL record layer", Set.of()).size();
            // Before 3.2 it is a part of the connection.
            switch (release) {
                case HOST -> assertThat(layers).isIn(0, 60);
                case BULLSEYE, BOOKWORM -> assertThat(layers).isZero();
                default -> assertThat(layers).isEqualTo(60);
            }
            Map<String, Long> others =
                    ToldProgram.counts(told.otherUses(Heaps.of(target), OpenSslCategories.OPENSSL, ""));
            // Sessions of connections that the program does not ask for them, and three lists of each context.
            assertThat(others).isEqualTo(Map.of("openssl SSL_SESSION", 10L, "openssl SSL_CTX ciphers", 24L));
        }
    }
}
