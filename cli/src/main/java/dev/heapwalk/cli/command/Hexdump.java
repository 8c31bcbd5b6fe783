// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Bytes;
import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.cli.output.Spool;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Target;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code heapwalk hexdump}: bytes of the target. */
@Command(name = "hexdump", description = "Show the bytes of a range of the target's memory.")
final class Hexdump extends ReportCommand {
    private static final int BYTES_A_LINE = 16;
    private static final int CHARACTERS_A_LINE = 64;
    private static final int MOST_HOLES = 10_000;
    /** As many pages as are tried one by one, 16 GiB of 4 KiB. */
    private static final int MOST_TRIES = 1 << 22;

    @Parameters(index = "0", paramLabel = "ADDRESS", description = "The first byte: 0x and hex digits, or decimal.")
    private String address;

    @Parameters(index = "1", paramLabel = "TARGET", description = TargetCommand.TARGET)
    private String target;

    @Option(names = "-c", description = "Show characters alone, " + CHARACTERS_A_LINE + " a line.")
    private boolean characters;

    @Option(
            names = "--length",
            paramLabel = "N",
            description =
                    "How many bytes: decimal, with 0x, or with K, M or G as in 4K; ${DEFAULT-VALUE} unless given.",
            defaultValue = "256")
    private String length;

    @Override
    String target() {
        return TwoWords.swapped(address, target) ? address : target;
    }

    private long start() {
        return number("ADDRESS", TwoWords.swapped(address, target) ? target : address);
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

    private long length() {
        OptionalLong bytes = Bytes.parse(length);
        return bytes.isPresent() ? bytes.getAsLong() : number("--length", length);
    }

    @Override
    void check() {
        TwoWords.refuseDoubtful(address, target, this);
        start();
        long wanted = length();
        if (wanted <= 0) {
            throw wrong("--length must be at least 1");
        }
    }

    /** A part of the range that can be read, or one that can't. */
    private record Part(long start, long length, boolean hole) {
        @Override
        public String toString() {
            long end = start + length;
            return "0x%x to %s".formatted(start, end == 0 ? "0x10000000000000000" : "0x%x".formatted(end));
        }
    }

    @Override
    Report read(Target opened, Problems problems, Progress progress) {
        long start = start();
        long wanted = length();
        if (start != 0 && Long.compareUnsigned(wanted, -start) > 0) {
            wanted = -start;
        }
        Spool bytes = new Spool();
        List<Part> parts = new ArrayList<>();
        Holes holes = new Holes(opened);
        byte[] buffer = new byte[1 << 16];
        long done = 0;
        long partStart = 0;
        while (done < wanted) {
            int some = (int) Math.min(buffer.length, wanted - done);
            int got = (int) opened.memory()
                    .read(start + done, MemorySegment.ofArray(buffer).asSlice(0, some));
            bytes.write(buffer, 0, got);
            done += got;
            progress.at(done, wanted);
            if (got == some) {
                continue;
            }
            if (done > partStart) {
                parts.add(new Part(start + partStart, done - partStart, false));
            }
            Part hole = new Part(start + done, holes.length(start + done, wanted - done), true);
            parts.add(hole);
            problems.hole(hole.start, "can't read the target's memory from " + hole);
            done += hole.length;
            partStart = done;
            if (done < wanted && holes.tooMany()) {
                problems.hole(start + done, "gave up here: too much of the memory before it can't be read");
                break;
            }
        }
        if (done > partStart) {
            parts.add(new Part(start + partStart, done - partStart, false));
        }
        return new Answer(parts, characters, bytes);
    }

    /** Finds where memory goes on; asked for ascending addresses. */
    private static final class Holes {
        private final AddressSpace memory;
        private final List<Mapping> mappings;
        private final long page;
        private final MemorySegment one = MemorySegment.ofArray(new byte[1]);
        private int next;
        private int found;
        private int tries;

        Holes(Target target) {
            memory = target.memory();
            mappings = target.memory().mappings().list();
            page = target.pageSize();
        }

        boolean tooMany() {
            return found >= MOST_HOLES || tries >= MOST_TRIES;
        }

        /** How many bytes from an address on, at most {@code most}, can't be read; the first of them can't. */
        long length(long address, long most) {
            found++;
            long length = 0;
            do {
                long step = step(address + length);
                length = Long.compareUnsigned(step, most - length) < 0 ? length + step : most;
            } while (length < most && memory.read(address + length, one) == 0 && ++tries < MOST_TRIES);
            return length;
        }

        /** How far it is to where memory may be readable again. */
        private long step(long address) {
            while (next < mappings.size()
                    && Long.compareUnsigned(mappings.get(next).end(), address) <= 0) {
                next++;
            }
            if (next == mappings.size()) {
                return -1;
            }
            Mapping mapping = mappings.get(next);
            if (!mapping.contains(address)) {
                return mapping.start() - address;
            }
            return mapping.readable() ? page - (address & page - 1) : mapping.end() - address;
        }
    }

    private record Answer(List<Part> parts, boolean characters, Spool bytes) implements Report {

        @Override
        public boolean fits() {
            return false;
        }

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
            Spool.Reader reader = bytes.reader();
            for (Part part : parts) {
                if (part.hole) {
                    sink.address(part.start);
                    if (!characters) {
                        sink.none();
                    }
                    sink.text("can't read " + part);
                    sink.end();
                } else {
                    lines(part, reader, sink);
                }
            }
        }

        private void lines(Part part, Spool.Reader reader, RowSink sink) {
            int perLine = characters ? CHARACTERS_A_LINE : BYTES_A_LINE;
            HexLine line = new HexLine();
            for (long done = 0; done < part.length; done += perLine) {
                line.clear();
                long some = Math.min(perLine, part.length - done);
                for (int i = 0; i < some; i++) {
                    line.add(reader.get());
                }
                sink.address(part.start + done);
                if (!characters) {
                    sink.text(line.hex());
                }
                sink.text(line.characters());
                sink.end();
            }
        }

        @Override
        public void total(RowSink sink) {
            long length = parts.stream()
                    .filter(part -> !part.hole)
                    .mapToLong(Part::length)
                    .sum();
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
