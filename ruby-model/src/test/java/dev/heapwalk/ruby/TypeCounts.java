// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** How many slots there are of each type, by the names of {@code ObjectSpace.count_objects}. */
final class TypeCounts {
    private static final Pattern COUNT = Pattern.compile("\"(\\w+)\":(\\d+)");

    private TypeCounts() {}

    static Map<String, Long> of(RubyVm vm) {
        Map<String, Long> counts = new TreeMap<>();
        SlotCursor slot = vm.slots();
        while (slot.next()) {
            if (counts.merge("TOTAL", 1L, Long::sum) % 1000 == 1) {
                Slot taken = Slot.of(slot);
                assertThat(slot)
                        .hasToString("%s %s at 0x%x, %d bytes, page %d"
                                .formatted(
                                        slot.state(),
                                        taken.type().label(),
                                        taken.address(),
                                        taken.size(),
                                        slot.page()));
            }
            counts.merge(
                    slot.state() == SlotState.FREE || slot.state() == SlotState.UNSWEPT
                            ? "FREE"
                            : slot.type().label(),
                    1L,
                    Long::sum);
        }
        assertThat(slot.holes()).isEmpty();
        return counts;
    }

    /** Asks the process, for whom they have to be those that were counted before. */
    static void assertSaidBy(RubyProcess process, Map<String, Long> counted) throws IOException {
        Map<String, Long> said = new TreeMap<>();
        COUNT.matcher(process.ask("count_objects").getFirst())
                .results()
                .forEach(match -> said.put(match.group(1), Long.parseLong(match.group(2))));
        assertThat(counted.get("TOTAL")).isEqualTo(said.get("TOTAL"));
        for (String type : counted.keySet()) {
            // What the answer needed: the table of counts, the line and its pieces.
            assertThat(said.getOrDefault(type, 0L) - counted.get(type))
                    .as(type)
                    .isBetween(
                            type.equals("FREE") ? -200L : 0L,
                            type.equals("FREE") ? 0L : type.equals("T_STRING") || type.equals("T_IMEMO") ? 100L : 10L);
        }
    }
}
