// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.malloc.layout.MallocLayout;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What holds for the tables without a process. */
class LayoutTest {
    @Test
    void everyVersionFrom2_12To2_43HasALayout() {
        for (int minor = 12; minor <= 43; minor++) {
            String version = "2." + minor;
            List<MallocLayout> layouts = MallocLayout.ALL.stream()
                    .filter(layout -> layout.covers(version))
                    .toList();
            // To 2.18 a build option decides between two.
            assertThat(layouts).as(version).hasSize(minor <= 18 ? 2 : 1);
        }
        assertThat(MallocLayout.ALL.getLast().covers("2.44")).isTrue();
        assertThat(MallocLayout.ALL.getFirst().covers("2.11")).isFalse();
        assertThat(MallocLayout.ALL.getLast().covers("no version")).isFalse();
    }

    @Test
    void fieldsFollowEachOtherWithoutOverlap() {
        for (MallocLayout layout : MallocLayout.ALL) {
            MallocLayout.State state = layout.state();
            assertThat(state.top() + 16).as(layout.versions()).isEqualTo(state.bins());
            // 254 words of bins and 4 half-words of the map.
            assertThat(state.bins() + 254 * 8 + 16).as(layout.versions()).isEqualTo(state.next());
            assertThat(state.systemMem() + 8).as(layout.versions()).isEqualTo(state.maxSystemMem());
            assertThat(state.maxSystemMem() + 8).as(layout.versions()).isEqualTo(state.size());
            assertThat(layout.par().mmappedMem() + 8)
                    .as(layout.versions())
                    .isEqualTo(layout.par().maxMmappedMem());
            MallocLayout.Tcache tcache = layout.tcache();
            assertThat(tcache.entries() + 8L * tcache.bins())
                    .as(layout.versions())
                    .isEqualTo(tcache.size());
        }
    }

    @Test
    void theBlockOfAThreadCacheHasTheSizeThatProgramsShow() {
        assertThat(layout("2.26").tcache().chunkSize()).isEqualTo(0x250);
        assertThat(layout("2.31").tcache().chunkSize()).isEqualTo(0x290);
        assertThat(layout("2.43").tcache().chunkSize()).isEqualTo(0x300);
    }

    private static MallocLayout layout(String version) {
        return MallocLayout.ALL.stream()
                .filter(layout -> layout.covers(version))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void linksAreMangledWithTheirAddressSince2_32() {
        // As in a process: a chunk at ...2a0 whose next one is at ...2c0.
        assertThat(layout("2.36").reveal(0x55555555a2a0L, 0x55500000f79aL)).isEqualTo(0x55500000f79aL ^ 0x55555555aL);
        assertThat(layout("2.31").reveal(0x55555555a2a0L, 0x55555555a2c0L)).isEqualTo(0x55555555a2c0L);
    }

    @Test
    void binsLieSideBySide() {
        for (int bin = 2; bin < 126; bin++) {
            assertThat(BinSizes.max(bin) + 16).as("bin %d", bin).isEqualTo(BinSizes.min(bin + 1));
        }
        assertThat(BinSizes.min(2)).isEqualTo(32);
        assertThat(BinSizes.min(64)).isEqualTo(1024);
        assertThat(BinSizes.max(126)).isEqualTo(-1);
    }

    @Test
    void largeBinsOfAThreadCacheLieSideBySide() {
        assertThat(MallocLayout.Tcache.maxSize(63) + 16).isEqualTo(MallocLayout.Tcache.minSize(64));
        for (int bin = 64; bin < 75; bin++) {
            assertThat(MallocLayout.Tcache.maxSize(bin) + 16).isEqualTo(MallocLayout.Tcache.minSize(bin + 1));
        }
        assertThat(MallocLayout.Tcache.maxSize(75)).isEqualTo((4L << 20) - 16);
    }
}
