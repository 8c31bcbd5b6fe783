// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.IntPredicate;
import java.util.function.LongUnaryOperator;

/** The symbols of a module by address, to tell what lies at one. Names are read when they are asked for. */
final class SymbolIndex {
    /** Of those that begin at one address and cover what is asked for. */
    private static final Comparator<ElfSymbol> BEST = Comparator.comparing(ElfSymbol::binding)
            .thenComparing(symbol -> symbol.kind() == ElfSymbol.Kind.OTHER)
            .thenComparing(symbol -> symbol.name().length()
                    - symbol.name().replaceFirst("^_+", "").length())
            .thenComparing(symbol -> symbol.name().length())
            .thenComparing(ElfSymbol::name);

    private final List<SymbolTable> tables;
    private final long bias;
    private final LongUnaryOperator sectionEnd;
    private final long[] starts;
    private final long[] sizes;
    /** The table's number in the upper half, the entry's in the lower. */
    private final long[] entries;
    /** The largest end of a symbol up to and with this one. */
    private final long[] reach;

    /**
     * Makes an index.
     *
     * @param tables the symbol tables
     * @param bias the module's load bias
     * @param first the module's first address in the file
     * @param end the address behind its last byte, in the file
     * @param sectionEnd gives for an address in the file the end of its section, 0 if it lies in none
     */
    SymbolIndex(List<SymbolTable> tables, long bias, long first, long end, LongUnaryOperator sectionEnd) {
        this.tables = tables;
        this.bias = bias;
        this.sectionEnd = sectionEnd;
        long most = tables.stream().mapToLong(SymbolTable::count).sum();
        long[] places = new long[Math.toIntExact(most)];
        int count = 0;
        for (int number = 0; number < tables.size(); number++) {
            SymbolTable table = tables.get(number);
            for (long entry = 1; entry < table.count(); entry++) {
                long start = table.value(entry);
                if (table.isPlace(entry) && start >= first && start < end) {
                    places[count++] = (long) number << 32 | entry;
                }
            }
        }
        this.entries = Arrays.stream(places, 0, count)
                .boxed()
                .sorted(Comparator.comparingLong(this::start))
                .mapToLong(Long::longValue)
                .toArray();
        this.starts = Arrays.stream(entries).map(this::start).toArray();
        this.sizes = new long[count];
        this.reach = new long[count];
        long furthest = 0;
        for (int i = 0; i < count; i++) {
            long size = tables.get((int) (entries[i] >>> 32)).size((int) entries[i]);
            // A hostile size must not reach around the address space.
            sizes[i] = Math.clamp(size, 0, end - starts[i]);
            furthest = Math.max(furthest, starts[i] + sizes[i]);
            reach[i] = furthest;
        }
    }

    private long start(long entry) {
        return tables.get((int) (entry >>> 32)).value((int) entry);
    }

    /**
     * The symbol that lies at an address, as {@link ElfModule#symbolAt} says.
     *
     * @param address an address in the file
     * @return the symbol
     */
    Optional<ElfSymbol> at(long address) {
        int nearest = Arrays.binarySearch(starts, address);
        nearest = nearest >= 0 ? nearest : -nearest - 2;
        while (nearest + 1 < starts.length && starts[nearest + 1] == address) {
            nearest++;
        }
        for (int i = nearest; i >= 0 && reach[i] > address; i--) {
            if (address - starts[i] < sizes[i]) {
                return best(i, each -> address - starts[each] < sizes[each]);
            }
        }
        if (nearest < 0 || address >= sectionEnd.applyAsLong(starts[nearest])) {
            return Optional.empty();
        }
        return best(nearest, i -> sizes[i] == 0);
    }

    /** The best of those that begin together and fit. */
    private Optional<ElfSymbol> best(int last, IntPredicate fits) {
        ElfSymbol best = null;
        for (int i = last; i >= 0 && starts[i] == starts[last]; i--) {
            if (fits.test(i)) {
                ElfSymbol symbol = tables.get((int) (entries[i] >>> 32)).symbol((int) entries[i], bias);
                best = best == null || BEST.compare(symbol, best) < 0 ? symbol : best;
            }
        }
        return Optional.ofNullable(best);
    }
}
