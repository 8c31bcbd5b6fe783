// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.heap.usage.UsageTotals;
import dev.heapwalk.memory.Target;
import dev.heapwalk.sqlite.SqliteCategories;
import dev.heapwalk.testkit.Release;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a program with databases of SQLite tells of its blocks, and what SQLite counts. */
class SqliteTest {
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#all")
    void blocksAreWhatTheLibraryMade(Release release) throws Exception {
        try (ToldProgram told = ToldProgram.in(release, "sqlite", Map.of());
                Target target = Target.attach(told.pid)) {
            assertThat(told.uses.get("sqlite3 connection")).hasSize(4);
            assertThat(told.uses.get("sqlite3 statement")).hasSize(20);
            Map<String, Long> others =
                    ToldProgram.counts(told.otherUses(Heaps.of(target), SqliteCategories.SQLITE, ""));
            assertThat(others).doesNotContainKeys("sqlite3 connection", "sqlite3 statement");
            // Tables of the program and the one that lists them, for each database and for the temporary one.
            assertThat(others).containsEntry("sqlite3 schema", 8L).containsEntry("sqlite3 schema index", 80L);
            UsageTotals totals = UsageTotals.of(UsageCursor.over(Heaps.of(target)));
            long cache = bytes(totals, "page cache", "") + bytes(totals, "connection", "database");
            assertThat(cache).isBetween(told.numbers.get("cache") * 99 / 100, told.numbers.get("cache") * 101 / 100);
            // Entries of hash tables are counted without what malloc rounds them up to, and schemas themselves are not.
            assertThat(bytes(totals, "schema", ""))
                    .isBetween(told.numbers.get("schema"), told.numbers.get("schema") * 120 / 100);
            // What its registers hold is not counted, and lists of values are left out.
            assertThat(bytes(totals, "statement", ""))
                    .isBetween(told.numbers.get("statements") * 95 / 100, told.numbers.get("statements") * 115 / 100);
            assertThat(bytes(totals, "", "")).isBetween(told.numbers.get("used") * 99 / 100, told.numbers.get("used"));
        }
    }

    /** What can be asked for in the blocks of a kind, as SQLite counts. */
    private static long bytes(UsageTotals totals, String kind, String detail) {
        return totals.list().stream()
                .filter(total -> total.category().domain().equals(SqliteCategories.SQLITE)
                        && (kind.isEmpty() || total.category().kind().equals(kind))
                        && (detail.isEmpty() || total.category().detail().equals(detail)))
                .mapToLong(total -> total.bytes() - Long.BYTES * total.count())
                .sum();
    }

    /** Trixie's SQLite gives each connection memory for small requests, in which most statements lie. */
    @Test
    void memoryOfConnections() throws Exception {
        try (ToldProgram told = ToldProgram.in(Release.TRIXIE, "sqlite", Map.of(), "lookaside");
                Target target = Target.attach(told.pid)) {
            assertThat(told.uses.get("sqlite3 connection lookaside")).hasSize(4);
            // Four blocks of this memory, in each of which the program tells one statement.
            assertThat(ToldProgram.counts(told.otherUses(Heaps.of(target), SqliteCategories.SQLITE, "")))
                    .containsEntry("sqlite3 schema", 8L)
                    .doesNotContainKeys("sqlite3 connection", "sqlite3 connection lookaside", "sqlite3 statement");
        }
    }
}
