// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.allocator.NonzeroWords;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.musl.layout.MallocngLayout;
import java.util.Optional;

/**
 * Finds the context in a module's variables: it begins with a secret, and leads to two pages of metas that begin with
 * the same one. One of the three may be damaged.
 */
final class ContextSearch {
    private static final long USER_SPACE = 1L << 47;

    private final Reader reader;
    private final MetaArea area = new MetaArea();

    private Optional<Found> found = Optional.empty();

    /**
     * A context.
     *
     * @param module what has it among its variables
     * @param address target address
     */
    record Found(ElfModule module, long address) {}

    ContextSearch(Reader reader) {
        this.reader = reader;
    }

    Optional<Found> in(ElfModule module, NonzeroWords words) {
        found = Optional.empty();
        for (Range range : module.writableSegments()) {
            long start = range.start() + Long.BYTES - 1 & -Long.BYTES;
            if (!words.each(start, range.end(), (at, word) -> !look(module, range, at, word))) {
                return found;
            }
        }
        return Optional.empty();
    }

    /** Looks at a word that may be the address of the first area or of the last one. */
    private boolean look(ElfModule module, Range range, long at, long word) {
        if ((word & MallocngLayout.AREA_SIZE - 1) != 0 || !isArea(word)) {
            return false;
        }
        for (long field : new long[] {MallocngLayout.AREA_HEAD, MallocngLayout.AREA_TAIL}) {
            long context = at - field;
            if (context >= range.start() && isContext(context)) {
                found = Optional.of(new Found(module, context));
                return true;
            }
        }
        return false;
    }

    private boolean isContext(long address) {
        long offset = reader.find(address, MallocngLayout.CONTEXT_SIZE);
        if (offset < 0) {
            return false;
        }
        MallocContext context = new MallocContext().wrap(reader.segment(), offset, address);
        long secret = context.secret();
        long initDone = context.initDone();
        long head = context.metaAreaHead();
        long tail = context.metaAreaTail();
        boolean leads = false;
        for (int i = 0; i < MallocngLayout.CLASSES; i++) {
            leads |= (context.active(i) & -MallocngLayout.AREA_SIZE) == head;
        }
        long first = check(head);
        long last = check(tail);
        return secret != 0 && (secret == first || secret == last)
                || initDone == 1 && first != 0 && first == last && (head != tail || leads);
    }

    /** How the area at an address begins, 0 if there is none. */
    private long check(long address) {
        return (address & MallocngLayout.AREA_SIZE - 1) == 0 && isArea(address)
                ? reader.readLong(address + MallocngLayout.CHECK, 0)
                : 0;
    }

    private boolean isArea(long address) {
        if (address <= 0 || address >= USER_SPACE) {
            return false;
        }
        long offset = reader.find(address, MetaArea.SIZE);
        return offset >= 0
                && area.wrap(reader.segment(), offset, address).nslots() == MallocngLayout.METAS
                && area.check() != 0;
    }
}
