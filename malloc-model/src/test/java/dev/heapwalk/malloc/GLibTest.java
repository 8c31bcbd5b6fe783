// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Domain;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Release;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a program on GLib, GObject and gdk-pixbuf tells of its blocks. */
class GLibTest {
    private static final Domain GLIB = new Domain("glib");

    /** GLib before 2.76 has slices in malloc's blocks only if it is told so. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#all")
    void blocksAreWhatTheProgramMade(Release release) throws Exception {
        try (ToldProgram told = ToldProgram.in(release, "glib", Map.of("G_SLICE", "always-malloc"));
                Target target = Target.attach(told.pid)) {
            // Sid's gdk-pixbuf is not there: it would bring much along.
            assertThat(told.uses.containsKey("glib GdkPixbuf pixels 640 x 480 x 4"))
                    .isEqualTo(release != Release.SID);
            assertThat(told.uses).containsKeys("glib GList", "glib instance ShopLabel", "other");
            Map<String, Long> others = ToldProgram.counts(told.otherUses(Heaps.of(target), GLIB, ""));
            // What GLib has for itself is no list of two directions, no text, no instance of the program's types.
            assertThat(others)
                    .doesNotContainKeys(
                            "glib GList",
                            "glib GString",
                            "glib GString text",
                            "glib instance GObject",
                            "glib instance ShopWidget",
                            "glib instance ShopLabel",
                            "glib instance ShopPlain")
                    .containsEntry("glib class ShopLabel", 1L)
                    .containsEntry("glib type ShopLabel", 2L)
                    .containsEntry("glib type ShopWidget", 3L)
                    .containsEntry("glib quarks table", 1L);
            long tables = 12 + others.get("glib GHashTable");
            assertThat(others)
                    .containsEntry("glib GHashTable keys", tables)
                    .containsEntry("glib GHashTable hashes", tables);
            // Lists of formats of pictures, and the like.
            assertThat(others.getOrDefault("glib GSList", 0L)).isLessThan(20);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#all")
    void slicesAreToldByTheirSize(Release release) throws Exception {
        try (ToldProgram told = ToldProgram.in(release, "glib", Map.of());
                Target target = Target.attach(told.pid)) {
            Map<String, Long> others = ToldProgram.counts(told.otherUses(Heaps.of(target), GLIB, "glib slices of "));
            if (release == Release.BULLSEYE || release == Release.BOOKWORM) {
                assertThat(told.inOtherPlace.get("glib instance ShopWidget"))
                        .anyMatch(detail -> detail.endsWith("mostly ShopWidget"));
                assertThat(told.inOtherPlace).containsKeys("glib GList", "glib GHashTable", "glib instance ShopLabel");
            } else if (release != Release.HOST) {
                assertThat(told.inOtherPlace).isEmpty();
            }
            assertThat(others.get("glib GHashTable keys"))
                    .isGreaterThanOrEqualTo(12 + others.getOrDefault("glib GHashTable", 0L));
        }
    }
}
