// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.content;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.layout.IseqLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.object.HashCursor;
import dev.heapwalk.ruby.object.RArray;
import dev.heapwalk.ruby.object.RHash;
import dev.heapwalk.ruby.object.SpecialConstants;
import dev.heapwalk.ruby.vm.Iseq;
import dev.heapwalk.ruby.vm.field.MachineFields;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Reads what {@code Coverage} has counted for a piece of code. All code of a file shares one hidden Array of it; what
 * belongs to a piece is told by its lines. For one thread.
 */
public final class Coverages {
    /**
     * A condition, or a way that leads from one.
     *
     * @param type what it is, a Symbol as a {@code VALUE}
     * @param place the first line, its column, the last line and its column
     * @param count how often that way was taken, nil for a condition; a {@code VALUE}
     * @param ways the ways that lead from a condition
     */
    public record Branch(long type, long[] place, long count, List<Branch> ways) {}

    /** The most conditions of a file, and the most ways that lead from all of them: more is damage. */
    private static final int MOST_BRANCHES = 1 << 14;

    private static final int MOST_WAYS = 1 << 16;
    /** The most lines of a file. */
    private static final int MOST_LINES = 1 << 20;

    private static final int PLACE = 4;
    /** The type, the place, and where the count stands or the ways. */
    private static final int FIELDS = 6;
    /** As many ways as most conditions have. */
    private static final int FEW = 4;

    private final ObjectReader reader;
    private final Reader memory;
    private final int coverage;
    private final RArray array;
    private final RHash hash;
    private final HashCursor pairs;
    private final boolean once;

    private long[] lines = {};
    private boolean linesCounted;
    /** The Array that told which lines ran, and these, ascending, with the place of each in it below its number. */
    private long ranOf;

    private long[] ran = {};

    private long branchesOf;
    private List<Branch> branches = List.of();
    /** How many more ways are read of a file. */
    private int waysLeft;

    /**
     * Makes one that is at no code yet.
     *
     * @param reader what reads the heap
     */
    public Coverages(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.coverage = RubyLayout.of(reader.edition()).mark().iseq().values().offset("coverage");
        this.array = new RArray(reader);
        this.hash = new RHash(reader);
        this.pairs = new HashCursor(reader);
        this.once = (new MachineFields(reader).coverageMode() & IseqLayout.COVERAGE_ONESHOT) != 0;
    }

    /**
     * Goes to a piece of code.
     *
     * @param iseq the code
     * @return whether something is counted for it
     * @throws dev.heapwalk.memory.UnmappedAddressException if it can't be read
     */
    public boolean over(Iseq iseq) {
        long counted = memory.readLong(iseq.body() + coverage);
        if (!isArray(counted)) {
            return false;
        }
        linesCounted = false;
        long ofLines = element(counted, IseqLayout.COVERAGE_LINES);
        lines = elements(ofLines, iseq.lines());
        long ofBranches = element(counted, IseqLayout.COVERAGE_BRANCHES);
        if (!isArray(ofBranches)) {
            branches = List.of();
            branchesOf = 0;
        } else if (ofBranches != branchesOf) {
            branches = branches(element(ofBranches, 0), element(ofBranches, 1));
            branchesOf = ofBranches;
        }
        return linesCounted || branchesOf != 0;
    }

    /**
     * Whether lines are counted.
     *
     * @return whether they are
     */
    public boolean countsLines() {
        return linesCounted;
    }

    /**
     * Whether a line is only marked when it runs first: {@code oneshot_lines}.
     *
     * @return whether {@link #lines()} are the numbers of those that ran
     */
    public boolean marksLinesOnce() {
        return once;
    }

    /**
     * The lines of the code that are counted.
     *
     * @return the number of a line and how often it ran, a {@code VALUE}, in turn; or the numbers of those that ran, in
     *     the order in which they did
     */
    public long[] lines() {
        return lines;
    }

    /**
     * Whether branches are counted.
     *
     * @return whether they are
     */
    public boolean countsBranches() {
        return branchesOf != 0;
    }

    /**
     * The conditions of the file whose first line the code has.
     *
     * @param iseq the code
     * @return a new list
     */
    public List<Branch> branches(Iseq iseq) {
        int[] own = iseq.lines();
        return branches.stream()
                .filter(branch -> Arrays.binarySearch(own, (int) branch.place()[0]) >= 0)
                .toList();
    }

    private boolean isArray(long value) {
        return reader.isSlot(value) && RubyType.of(memory.readLong(value)) == RubyType.ARRAY;
    }

    /** An element of an Array, 0 if there is none. */
    private long element(long value, int index) {
        return isArray(value) && index < reader.at(value, array).length() ? array.element(index) : 0;
    }

    private long[] elements(long value, int[] own) {
        if (!isArray(value)) {
            return new long[0];
        }
        linesCounted = true;
        long length = reader.at(value, array).length();
        long first = array.elements();
        memory.requireMapped(first, length, Long.BYTES);
        return once ? ran(value, first, length, own) : counted(first, length, own);
    }

    private long[] counted(long first, long length, int[] own) {
        long[] found = new long[2 * own.length];
        int count = 0;
        for (int line : own) {
            long times =
                    line < 1 || line > length ? reader.constants().nil() : memory.readLong(first + 8L * (line - 1));
            if (times != reader.constants().nil()) {
                found[count++] = line;
                found[count++] = times;
            }
        }
        return Arrays.copyOf(found, count);
    }

    private long[] ran(long value, long first, long length, int[] own) {
        if (value != ranOf) {
            ran = new long[(int) Math.min(length, MOST_LINES)];
            int count = 0;
            for (int i = 0; i < ran.length; i++) {
                long number = memory.readLong(first + 8L * i);
                long line = number >> 1;
                if (SpecialConstants.isFixnum(number) && line > 0 && line <= Integer.MAX_VALUE) {
                    ran[count++] = line << Integer.SIZE | i;
                }
            }
            ran = Arrays.copyOf(ran, count);
            Arrays.sort(ran);
            ranOf = value;
        }
        // As Ruby has them: what ran first stands first.
        return Arrays.stream(own)
                .mapToLong(this::turn)
                .filter(turn -> turn >= 0)
                .sorted()
                .map(turn -> (int) turn)
                .toArray();
    }

    /** When a line ran first, with its number below that; -1 if it did not. */
    private long turn(int line) {
        long beginning = (long) line << Integer.SIZE;
        int at = Arrays.binarySearch(ran, beginning);
        at = at < 0 ? -at - 1 : at;
        return at < ran.length && ran[at] >>> Integer.SIZE == line ? ran[at] << Integer.SIZE | line : -1;
    }

    /** A Hash of Arrays, each with a Hash of Arrays for its ways, or Arrays with all that in turn, in 2.7. */
    private List<Branch> branches(long structure, long counters) {
        List<Branch> found = new ArrayList<>();
        waysLeft = MOST_WAYS;
        for (long base : members(structure, MOST_BRANCHES)) {
            long[] fields = fields(base);
            if (fields.length < FIELDS - 1) {
                continue;
            }
            List<Branch> ways = new ArrayList<>();
            if (fields.length == FIELDS
                    && !SpecialConstants.isFixnum(fields[FIELDS - 1])
                    && isHash(fields[FIELDS - 1])) {
                for (long way : members(fields[FIELDS - 1], waysLeft)) {
                    add(ways, fields(way), 0, counters);
                }
            } else {
                for (int at = FIELDS - 1; at + FIELDS <= fields.length; at += FIELDS) {
                    add(ways, fields, at, counters);
                }
            }
            found.add(new Branch(fields[0], place(fields, 0), reader.constants().nil(), ways));
        }
        return found;
    }

    private void add(List<Branch> ways, long[] fields, int at, long counters) {
        waysLeft--;
        if (waysLeft >= 0 && fields.length >= at + FIELDS) {
            long counter = fields[at + FIELDS - 1] >> 1;
            long count = counter < 0 || counter > Integer.MAX_VALUE ? 0 : element(counters, (int) counter);
            ways.add(new Branch(fields[at], place(fields, at), count, List.of()));
        }
    }

    private static long[] place(long[] fields, int at) {
        long[] place = new long[PLACE];
        for (int i = 0; i < PLACE; i++) {
            place[i] = fields[at + 1 + i] >> 1;
        }
        return place;
    }

    private boolean isHash(long value) {
        return reader.isSlot(value) && RubyType.of(memory.readLong(value)) == RubyType.HASH;
    }

    /** The values of a Hash, or the elements of an Array. */
    private long[] members(long value, int most) {
        if (!isHash(value)) {
            return fields(value);
        }
        long[] found = new long[FEW];
        int count = 0;
        pairs.over(reader.at(value, hash));
        while (count < most && pairs.next()) {
            if (count == found.length) {
                found = Arrays.copyOf(found, 2 * count);
            }
            found[count++] = pairs.value();
        }
        return Arrays.copyOf(found, count);
    }

    private long[] fields(long value) {
        if (!isArray(value)) {
            return new long[0];
        }
        long length = reader.at(value, array).length();
        long first = array.elements();
        memory.requireMapped(first, length, Long.BYTES);
        long[] found = new long[(int) Math.min(length, MOST_BRANCHES)];
        for (int i = 0; i < found.length; i++) {
            found[i] = memory.readLong(first + 8L * i);
        }
        return found;
    }
}
