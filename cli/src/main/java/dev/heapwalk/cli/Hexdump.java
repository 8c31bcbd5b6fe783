// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.memory.Target;
import java.lang.foreign.MemorySegment;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code heapwalk hexdump}: bytes of the target. */
@Command(name = "hexdump", description = "Show the bytes of a range of the target's memory.")
final class Hexdump extends TargetCommand {
    private static final int BYTES_A_LINE = 16;
    private static final int CHARACTERS_A_LINE = 64;

    @Parameters(index = "0", paramLabel = "ADDRESS", description = "The first byte: 0x and hex digits, or decimal.")
    private String address;

    @Parameters(index = "1", paramLabel = "TARGET", description = "A process id, a core file, or demo.")
    private String target;

    @Option(names = "-c", description = "Show characters alone, " + CHARACTERS_A_LINE + " a line.")
    private boolean characters;

    @Option(
            names = "--length",
            paramLabel = "N",
            description = "How many bytes, decimal or with 0x; ${DEFAULT-VALUE} unless given.",
            defaultValue = "256")
    private String length;

    @Override
    String target() {
        return target;
    }

    private long number(String name, String word) {
        try {
            return word.startsWith("0x") || word.startsWith("0X")
                    ? Long.parseUnsignedLong(word.substring(2), 16)
                    : Long.parseUnsignedLong(word);
        } catch (NumberFormatException e) {
            throw wrong(name + " must be a number such as 0x7f0012345678 or 4096, not '" + word + "'");
        }
    }

    @Override
    void check() {
        number("ADDRESS", address);
        long wanted = number("--length", length);
        if (wanted <= 0) {
            throw wrong("--length must be at least 1");
        }
    }

    @Override
    Report read(Target opened, Problems problems, Progress progress) {
        long start = number("ADDRESS", address);
        long wanted = number("--length", length);
        Spool bytes = new Spool();
        byte[] buffer = new byte[1 << 16];
        long done = 0;
        while (done < wanted) {
            int some = (int) Math.min(buffer.length, wanted - done);
            int got = (int) opened.memory().read(start + done, MemorySegment.ofArray(buffer).asSlice(0, some));
            bytes.bytes(buffer, got);
            done += got;
            progress.at(done, wanted);
            if (got < some) {
                problems.hole(start + done, "can't read this byte of the target");
                break;
            }
        }
        return new Answer(start, done, characters, bytes);
    }

    private record Answer(long start, long length, boolean characters, Spool bytes) implements Report {

        @Override
        public List<Column> columns() {
            return characters
                    ? List.of(Column.address("Address", "address"), Column.text("Characters", "text"))
                    : List.of(
                            Column.address("Address", "address"),
                            Column.text("Bytes", "bytes"),
                            Column.text("Characters", "text"));
        }

        @Override
        public void rows(RowSink sink) {
            int perLine = characters ? CHARACTERS_A_LINE : BYTES_A_LINE;
            Spool.Reader reader = bytes.reader();
            StringBuilder hex = new StringBuilder();
            StringBuilder text = new StringBuilder();
            for (long done = 0; done < length; done += perLine) {
                hex.setLength(0);
                text.setLength(0);
                long some = Math.min(perLine, length - done);
                for (int i = 0; i < some; i++) {
                    int value = reader.get();
                    hex.append(i == 0 ? "" : i == 8 ? "  " : " ")
                            .append(Character.forDigit(value >> 4, 16))
                            .append(Character.forDigit(value & 15, 16));
                    text.append(value >= ' ' && value < 0x7f ? (char) value : '.');
                }
                sink.address(start + done);
                if (!characters) {
                    sink.text(hex.toString());
                }
                sink.text(text.toString());
                sink.end();
            }
        }

        @Override
        public void total(RowSink sink) {
            sink.text(length + (length == 1 ? " byte" : " bytes"));
            if (!characters) {
                sink.text("");
            }
        }

        @Override
        public void close() {
            bytes.close();
        }
    }
}
