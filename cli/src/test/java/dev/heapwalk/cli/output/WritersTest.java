// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.heapwalk.cli.CsvReader;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.text.SafeText;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Rows as tables, JSON lines and CSV, read back by others. */
final class WritersTest {
    private static final List<Column> COLUMNS = List.of(
            Column.text("Name", "name"),
            Column.amount("Bytes", "bytes"),
            Column.id("Id", "id"),
            Column.address("Address", "address"),
            Column.flag("Mmapped", "mmapped"),
            Column.ids("Threads", "threads"));

    private record Row(String name, long bytes, long address) {}

    private record Rows(List<Row> rows) implements Report {
        @Override
        public List<Column> columns() {
            return COLUMNS;
        }

        @Override
        public void rows(RowSink sink) {
            for (Row row : rows) {
                sink.text(row.name);
                sink.number(row.bytes);
                sink.number(-1);
                sink.address(row.address);
                sink.flag(row.bytes % 2 == 0);
                sink.numbers(List.of(1L, 23L));
                sink.end();
            }
        }

        @Override
        public void total(RowSink sink) {
            sink.number(rows.size());
        }
    }

    private static List<Row> someRows() {
        Random random = new Random(1);
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < 5_000; i++) {
            StringBuilder name = new StringBuilder();
            for (int j = random.nextInt(8); j > 0; j--) {
                // Every kind of code point, unpaired surrogates too, with many that need care.
                name.appendCodePoint(
                        switch (random.nextInt(4)) {
                            case 0 -> random.nextInt(0x110000);
                            case 1 -> "\"\\,\r\n\t\0\033".charAt(random.nextInt(8));
                            case 2 -> 0x2000 + random.nextInt(0x70);
                            default -> random.nextInt(0x100);
                        });
            }
            rows.add(new Row(name.toString(), random.nextLong() >> random.nextInt(64), random.nextLong()));
        }
        rows.add(new Row("", Long.MIN_VALUE, -1));
        rows.add(new Row("max", Long.MAX_VALUE, 0));
        return rows;
    }

    private static String print(Format format, Report report) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        Output out = new Output(bytes);
        format.print(report, new Look(false, 0, false), out);
        out.flush();
        return bytes.toString(StandardCharsets.UTF_8);
    }

    @Test
    void jsonIsReadBackByJackson() throws IOException {
        List<Row> rows = someRows();
        List<String> lines = List.of(print(Format.JSONL, new Rows(rows)).split("\n"));
        assertThat(lines).hasSize(rows.size());
        ObjectMapper mapper = new ObjectMapper();
        for (int i = 0; i < rows.size(); i++) {
            JsonNode node = mapper.readTree(lines.get(i));
            assertThat(node.get("name").textValue()).isEqualTo(rows.get(i).name);
            assertThat(node.get("bytes").isIntegralNumber()).isTrue();
            assertThat(node.get("bytes").longValue()).isEqualTo(rows.get(i).bytes);
            assertThat(node.get("address").textValue()).isEqualTo("0x" + Long.toHexString(rows.get(i).address));
            assertThat(node.get("mmapped").isBoolean()).isTrue();
            assertThat(node.get("threads").toString()).isEqualTo("[1,23]");
        }
    }

    @Test
    void nothingButPlainTextIsWritten() {
        for (Format format : Format.values()) {
            String allowed = format == Format.CSV ? "\r\n" : "\n";
            print(format, new Rows(someRows()))
                    .codePoints()
                    .filter(c -> allowed.indexOf(c) < 0)
                    .forEach(c -> assertThat(Character.getType(c))
                            .as("%s writes U+%04X", format, c)
                            .isNotIn(
                                    (int) Character.CONTROL,
                                    (int) Character.FORMAT,
                                    (int) Character.SURROGATE,
                                    (int) Character.LINE_SEPARATOR,
                                    (int) Character.PARAGRAPH_SEPARATOR));
        }
    }

    @Test
    void csvIsReadBack() {
        List<Row> rows = someRows();
        List<List<String>> records = CsvReader.read(print(Format.CSV, new Rows(rows)));
        assertThat(records).hasSize(rows.size() + 1);
        assertThat(records.getFirst()).containsExactly("name", "bytes", "id", "address", "mmapped", "threads");
        for (int i = 0; i < rows.size(); i++) {
            assertThat(records.get(i + 1))
                    .containsExactly(
                            SafeText.of(rows.get(i).name),
                            Long.toString(rows.get(i).bytes),
                            "-1",
                            "0x" + Long.toHexString(rows.get(i).address),
                            Boolean.toString(rows.get(i).bytes % 2 == 0),
                            "1 23");
        }
    }

    @Test
    void tableIsAligned() {
        Rows rows = new Rows(List.of(new Row("a\033b", 1_234_567, 0x10), new Row("größe", 12, 0x7fff_0000_0000L)));
        assertThat(print(Format.TABLE, rows)).isEqualTo("""
                        Name        Bytes  Id         Address  Mmapped  Threads
                        ------  ---------  --  --------------  -------  -------
                        a\\x1bb  1,234,567   -            0x10  no       1,23
                        größe          12   -  0x7fff00000000  yes      1,23
                        TOTAL           2
                        """);
    }

    @Test
    void numbersAreWrittenAsJavaWritesThem() {
        Random random = new Random(2);
        for (int i = 0; i < 20_000; i++) {
            long value = random.nextLong() >>> random.nextInt(64);
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            Output out = new Output(bytes);
            out.grouped(value);
            out.put(' ');
            out.decimal(value);
            out.put(' ');
            out.address(value);
            out.flush();
            String expected = String.format(Locale.ROOT, "%,d", value);
            assertThat(bytes.toString(StandardCharsets.US_ASCII))
                    .isEqualTo(expected + " " + value + " 0x" + Long.toHexString(value));
            assertThat(Output.groupedWidth(value)).isEqualTo(expected.length());
            assertThat(Output.decimalWidth(value))
                    .isEqualTo(Long.toString(value).length());
        }
    }

    @Test
    void spoolGivesBackWhatItTookAlsoFromItsFile() {
        // More than the 32 MiB that stay in memory, and some values that lie across the edges of blocks.
        int count = 9_000_000;
        try (Spool spool = new Spool()) {
            Random random = new Random(3);
            for (int i = 0; i < count; i++) {
                spool.signed(random.nextLong() >> random.nextInt(64));
            }
            spool.number(-1);
            spool.write(new byte[] {0, 1, 2, 3}, 1, 2);
            for (int pass = 0; pass < 2; pass++) {
                random.setSeed(3);
                Spool.Reader reader = spool.reader();
                for (int i = 0; i < count; i++) {
                    long expected = random.nextLong() >> random.nextInt(64);
                    if (reader.signed() != expected) {
                        throw new AssertionError("value " + i + " is not " + expected);
                    }
                }
                assertThat(reader.number()).isEqualTo(-1);
                assertThat(reader.get()).isEqualTo(1);
                assertThat(reader.get()).isEqualTo(2);
            }
        }
    }
}
