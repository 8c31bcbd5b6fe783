// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.unwind;

import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.elf.ElfModule;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Where a module has its descriptions of frames. They are found by the table that the linker makes for that ({@code
 * .eh_frame_hdr}), and where there is none by an index that is made of all of them.
 */
final class FrameTable {
    /** {@code DW_EH_PE_datarel | DW_EH_PE_sdata4}: the only form of the table that can be searched, and that is made. */
    private static final int SORTED = 0x3b;

    private static final int ENTRY = 8;
    /** The most descriptions that an index is made of. */
    private static final int MOST = 1 << 20;

    private final Reader memory;
    private final Range module;
    private final long header;
    private final long table;
    private final int count;
    private final long section;
    private final long sectionEnd;

    /** The addresses of functions, ascending, and those of their descriptions; null until they are needed. */
    private long[] starts;

    private long[] entries;

    private FrameTable(Reader memory, Range module, long header, long table, int count, long section, long sectionEnd) {
        this.memory = memory;
        this.module = module;
        this.header = header;
        this.table = table;
        this.count = count;
        this.section = section;
        this.sectionEnd = sectionEnd;
    }

    /** Finds that of a module. */
    static FrameTable of(ElfModule module, Reader memory) {
        Range all = module.extent();
        Optional<Range> index = module.frameIndex();
        Optional<FrameTable> found = index.flatMap(range -> byHeader(range, all, memory));
        return found.orElseGet(() -> {
            // The section is looked for in the file.
            Range range = module.frameDescriptions().orElse(new Range(all.end(), all.end()));
            return new FrameTable(memory, all, 0, 0, 0, range.start(), range.end());
        });
    }

    private static Optional<FrameTable> byHeader(Range range, Range module, Reader memory) {
        try {
            RuleBytes bytes = new RuleBytes(memory).over(range.start(), range.end());
            int version = bytes.unsignedByte();
            int sectionForm = bytes.unsignedByte();
            int countForm = bytes.unsignedByte();
            int tableForm = bytes.unsignedByte();
            if (version != 1 || sectionForm == RuleBytes.OMITTED) {
                return Optional.empty();
            }
            long section = bytes.pointer(sectionForm, range.start());
            if (!module.contains(section)) {
                return Optional.empty();
            }
            long count = countForm == RuleBytes.OMITTED || tableForm != SORTED ? 0 : bytes.number(countForm);
            long room = (range.end() - bytes.at()) / ENTRY;
            int usable = (int) Math.clamp(count, 0, Math.min(room, Integer.MAX_VALUE));
            return Optional.of(
                    new FrameTable(memory, module, range.start(), bytes.at(), usable, section, module.end()));
        } catch (DamagedRulesException | UnmappedAddressException e) {
            return Optional.empty();
        }
    }

    /**
     * Finds the description of the function that an address lies in.
     *
     * @param address a target address
     * @param description is read over it
     * @return whether there is one
     */
    boolean find(long address, FrameDescription description) {
        long entry = count > 0 ? byTable(address) : byIndex(address, description);
        return entry != 0
                && module.contains(entry)
                && description.read(entry, module.end())
                && description.covers(address);
    }

    private long byTable(long address) {
        long relative = address - header;
        int low = 0;
        int high = count;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (memory.readInt(table + (long) ENTRY * middle) <= relative) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low == 0 ? 0 : header + memory.readInt(table + (long) ENTRY * (low - 1) + 4);
    }

    private long byIndex(long address, FrameDescription description) {
        if (starts == null) {
            makeIndex(description);
        }
        int found = Arrays.binarySearch(starts, address);
        int nearest = found >= 0 ? found : -found - 2;
        return nearest < 0 ? 0 : entries[nearest];
    }

    /** Goes through all descriptions; at damage it keeps those before. */
    private void makeIndex(FrameDescription description) {
        long[] functions = new long[64];
        long[] places = new long[64];
        int number = 0;
        long entry = section;
        try {
            while (entry != 0 && entry < sectionEnd && number < MOST) {
                if (description.read(entry, sectionEnd)) {
                    if (number == functions.length) {
                        functions = Arrays.copyOf(functions, 2 * number);
                        places = Arrays.copyOf(places, 2 * number);
                    }
                    functions[number] = description.start();
                    places[number++] = entry;
                }
                entry = description.next();
            }
        } catch (DamagedRulesException | UnmappedAddressException e) {
            // What lies behind can't be found: an entry tells where the next one is.
        }
        long[] first = functions;
        long[] second = places;
        int[] order = IntStream.range(0, number)
                .boxed()
                .sorted((a, b) -> Long.compare(first[a], first[b]))
                .mapToInt(Integer::intValue)
                .toArray();
        starts = Arrays.stream(order).mapToLong(i -> first[i]).toArray();
        entries = Arrays.stream(order).mapToLong(i -> second[i]).toArray();
    }
}
