// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Chains in memory of this process are followed block for block. */
class ChainsTest {
    private static final int PAGE = 4096;
    /** So many pages from each other, two are kept in the same place. */
    private static final int SAME_PLACE = 8192;

    private static final int PAGES = 50;
    private static final int CHAINS = 2500;
    private static final int MOST = 20;

    @Test
    void eachChainIsFollowedInItsOrder() {
        try (Arena arena = Arena.ofConfined();
                Target target = Target.observe(ProcessHandle.current().pid())) {
            MemorySegment memory = arena.allocate((long) (SAME_PLACE + PAGES) * PAGE, PAGE);
            List<Long> words = new ArrayList<>();
            for (int page = 0; page < PAGES; page++) {
                for (int word = 0; word < PAGE / Long.BYTES; word++) {
                    words.add((long) page * PAGE + (long) word * Long.BYTES);
                    words.add((long) (page + SAME_PLACE) * PAGE + (long) word * Long.BYTES);
                }
            }
            Collections.shuffle(words, new Random(1));
            Chains chains = new Chains(target.memory());
            List<List<Long>> all = new ArrayList<>();
            for (int i = 0; i < CHAINS; i++) {
                int length = i % (MOST + 1);
                List<Long> blocks = words.subList(i * MOST, i * MOST + length).stream()
                        .map(offset -> memory.address() + offset)
                        .toList();
                for (int k = 0; k < length; k++) {
                    memory.set(
                            ValueLayout.JAVA_LONG,
                            blocks.get(k) - memory.address(),
                            k + 1 < length ? blocks.get(k + 1) : end(i));
                }
                // Some are told to end with their last block, some to have so many, some go on to where nothing is.
                chains.add(
                        length == 0 ? end(i) : blocks.getFirst(),
                        i % 3 == 0 && length > 0 ? blocks.getLast() : 0,
                        i % 3 == 1 ? length : MOST + 1);
                all.add(blocks);
            }
            List<List<Long>> found = new ArrayList<>();
            all.forEach(_ -> found.add(new ArrayList<>()));
            chains.follow((chain, address) -> address > MOST && found.get(chain).add(address));
            assertThat(found).isEqualTo(all);
            for (int i = 0; i < CHAINS; i++) {
                assertThat(chains.count(i)).isEqualTo(all.get(i).size());
                assertThat(chains.behind(i)).isEqualTo(end(i));
            }
        }
    }

    private static long end(int chain) {
        return chain % MOST;
    }

    @Test
    void whatCantBeReadEndsAChain() {
        try (Target target = Target.observe(ProcessHandle.current().pid())) {
            Chains chains = new Chains(target.memory());
            chains.add(0x1000, 0, 5);
            List<Long> found = new ArrayList<>();
            chains.follow((_, address) -> address > 0 && found.add(address));
            assertThat(found).containsExactly(0x1000L);
            assertThat(chains.count(0)).isEqualTo(1);
            assertThat(chains.behind(0)).isEqualTo(-1);
        }
    }
}
