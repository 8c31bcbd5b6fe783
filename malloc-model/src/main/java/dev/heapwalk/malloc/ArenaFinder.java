// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Finds {@code malloc_state} structures by what they look like: 127 list heads in a row, most of them pointing to
 * themselves, a plausible top before them and a ring of arenas behind.
 */
final class ArenaFinder {
    private static final int HEADS_BYTES = 16 * MallocLayout.BINS;
    private static final int HEADS_WORDS = HEADS_BYTES / 8;
    private static final int MOST_ARENAS = 1 << 16;
    private static final long USER_SPACE = 1L << 56;
    /** So many list heads of an arena may be damaged before it is not taken for one, if there is a better one. */
    private static final int MOST_BROKEN = 12;

    /**
     * More may be in an arena that something else speaks for: it may be changing while it is read, and then each list
     * seems damaged whose first or last chunk is another one by the time that the chunk is read.
     */
    private static final int MOST_CHANGING = 96;

    /** So many of an arena's words but those of bins may be damaged. */
    private static final int MOST_FAULTS = 1;

    private static final int IS_NONE = Integer.MAX_VALUE;

    private static final List<MallocLayout.State> STATES =
            MallocLayout.ALL.stream().map(MallocLayout::state).distinct().toList();

    private final AddressSpace memory;
    private final Reader reader;

    ArenaFinder(AddressSpace memory, Reader reader) {
        this.memory = memory;
        this.reader = reader;
    }

    /**
     * An arena's structure that was recognised.
     *
     * @param address target address
     * @param state its layout
     * @param initialised whether malloc has run; if not, only {@code next} is set
     * @param ringClosed whether following {@code next} led back to it
     * @param ringLength how many arenas following {@code next} led to
     * @param emptyBins how many list heads point to themselves
     * @param brokenBins how many list heads are damaged
     * @param faults how many of its other words are damaged
     */
    record Found(
            long address,
            MallocLayout.State state,
            boolean initialised,
            boolean ringClosed,
            int ringLength,
            int emptyBins,
            int brokenBins,
            int faults) {

        /**
         * Whether this shows more of an arena than another: list heads look like such also when seen some places on.
         */
        boolean better(Found other) {
            if (ringClosed != other.ringClosed) {
                return ringClosed;
            }
            int damaged = brokenBins + faults;
            int othersDamaged = other.brokenBins + other.faults;
            if (damaged != othersDamaged) {
                return damaged < othersDamaged;
            }
            // Layouts that differ before the bins alone show the same; compilers and malloc align arenas.
            boolean aligned = (address & 15) == 0;
            return aligned != ((other.address & 15) == 0) ? aligned : ringLength > other.ringLength;
        }
    }

    /**
     * Every structure in some ranges that looks like an arena's, by address.
     *
     * @param ranges where to look
     * @param changing whether most of the lists may seem damaged
     */
    List<Found> scan(List<Range> ranges, boolean changing) {
        List<Found> found = new ArrayList<>();
        for (Range range : ranges) {
            WordScan words = new WordScan(memory, range, HEADS_BYTES);
            while (words.next()) {
                long[] word = words.words();
                for (int i = 0; i < words.count(); i++) {
                    // Most words fail here: a list head holds two pointers, and the first and the last one show. One
                    // of the four may be damaged.
                    if (i + HEADS_WORDS <= words.readable()
                            && pointer(word[i]) + pointer(word[i + 1]) > 0
                            && pointer(word[i])
                                            + pointer(word[i + 1])
                                            + pointer(word[i + HEADS_WORDS - 2])
                                            + pointer(word[i + HEADS_WORDS - 1])
                                    >= 3
                            && anyEmpty(word, i, words.address(i))) {
                        initialised(words.address(i), changing ? MOST_CHANGING : MOST_BROKEN)
                                .ifPresent(found::add);
                    }
                }
            }
        }
        return found;
    }

    /** 1 for what may be a pointer to a chunk or to a list head, else 0. */
    private static int pointer(long word) {
        return word != 0 && (word & 7) == 0 ? 1 : 0;
    }

    /**
     * Whether a list head among 127 points to itself: the last one always does, since no chunk is so large. Asked
     * before what others point to is read.
     */
    private static boolean anyEmpty(long[] word, int first, long bins) {
        for (int i = MallocLayout.BINS - 1; i >= 0; i--) {
            long head = bins + 16L * i - 16;
            if (word[first + 2 * i] == head && word[first + 2 * i + 1] == head) {
                return true;
            }
        }
        return false;
    }

    /**
     * A {@code malloc_state} that malloc has not touched yet: all zero but for {@code next} and one attached thread.
     */
    Optional<Found> untouched(List<Range> ranges, long symbol) {
        for (MallocLayout.State state : STATES) {
            if (symbol != 0 && untouched(symbol, state)) {
                return Optional.of(new Found(symbol, state, false, true, 1, 0, 0, 0));
            }
        }
        for (Range range : ranges) {
            WordScan words = new WordScan(memory, range, 0);
            while (words.next()) {
                for (int i = 0; i < words.count(); i++) {
                    long at = words.address(i);
                    long distance = at - words.words()[i];
                    if (distance < 2072 || distance > 2160) {
                        continue;
                    }
                    for (MallocLayout.State state : STATES) {
                        if (state.next() == distance && untouched(at - distance, state)) {
                            return Optional.of(new Found(at - distance, state, false, true, 1, 0, 0, 0));
                        }
                    }
                }
            }
        }
        return Optional.empty();
    }

    private boolean untouched(long address, MallocLayout.State state) {
        if (reader.find(address, state.size()) < 0) {
            return false;
        }
        for (long at = 0; at < state.size(); at += 8) {
            long expected = at == state.next() ? address : at == state.attachedThreads() ? 1 : 0;
            if (reader.readLong(address + at, -1) != expected) {
                return false;
            }
        }
        return true;
    }

    /** The arena at an address, if no more lists are damaged than of one that is found by what it looks like. */
    Optional<Found> at(long address) {
        return at(address, MOST_BROKEN);
    }

    /** The arena at an address that something else speaks for, so that most of its lists may seem damaged. */
    Optional<Found> known(long address) {
        return at(address, MOST_CHANGING);
    }

    private Optional<Found> at(long address, int mostBroken) {
        Found best = null;
        for (MallocLayout.State state : STATES) {
            // List heads look like list heads also when seen a few places further on, as another layout sees them.
            Found found = initialised(address + state.bins(), mostBroken)
                    .filter(candidate -> candidate.address() == address)
                    .orElse(null);
            if (found != null && (best == null || found.better(best))) {
                best = found;
            }
        }
        return Optional.ofNullable(best);
    }

    /** The arena whose {@code bins} begin at an address. */
    private Optional<Found> initialised(long bins, int mostBroken) {
        int[] heads = heads(bins, mostBroken);
        if (heads == null) {
            return Optional.empty();
        }
        // Where the structure begins before the list heads differs; the pointers of the ring show it.
        Found best = null;
        boolean bestHasMemory = false;
        for (MallocLayout.State state : STATES) {
            long address = bins - state.bins();
            int faults = faults(address, state);
            if (faults > (heads[1] > MOST_BROKEN ? 0 : MOST_FAULTS)) {
                continue;
            }
            Set<Long> members = new LinkedHashSet<>();
            boolean closed = ring(address, state, members);
            Found found = new Found(address, state, true, closed, members.size(), heads[0], heads[1], faults);
            // Where a layout without attached_threads ends, another one has its system_mem.
            MallocState arena = Structures.arena(reader, address, state);
            boolean hasMemory = arena.systemMem() > 0 || arena.top() == address + state.top();
            if (best == null || (hasMemory == bestHasMemory ? !best.better(found) : hasMemory)) {
                best = found;
                bestHasMemory = hasMemory;
            }
        }
        return Optional.ofNullable(best);
    }

    /** How many of 127 list heads are empty and how many are damaged; null if these are no list heads. */
    private int[] heads(long bins, int mostBroken) {
        if (reader.find(bins, HEADS_BYTES + 64) < 0) {
            return null;
        }
        int empty = 0;
        int broken = 0;
        for (int i = 0; i < MallocLayout.BINS; i++) {
            long head = bins + 16L * i - 16;
            long fd = reader.readLong(head + 16, 0);
            long bk = reader.readLong(head + 24, 0);
            if (fd == head && bk == head) {
                empty++;
            } else if (!soundHead(head, fd, bk)) {
                if (++broken > mostBroken) {
                    return null;
                }
            }
        }
        return new int[] {empty, broken};
    }

    /** How many words of what may be an arena are wrong; more than {@link #MOST_FAULTS} if it is none. */
    private int faults(long address, MallocLayout.State state) {
        if (reader.find(address, state.size()) < 0) {
            return IS_NONE;
        }
        MallocState arena = Structures.arena(reader, address, state);
        long top = arena.top();
        long system = arena.systemMem();
        long next = arena.next();
        long attached = arena.attachedThreads();
        int faults = 0;
        if (arena.flags() < 0 || arena.flags() > 7) {
            faults++;
        }
        if ((next & 7) != 0 || next == 0) {
            faults++;
        }
        boolean untouchedTop = top == address + state.top();
        if (!untouchedTop && (top == 0 || (top & 15) != 0)) {
            faults++;
        }
        if (system < 0
                || system > arena.maxSystemMem()
                || arena.maxSystemMem() > USER_SPACE
                || untouchedTop && system != 0) {
            return IS_NONE;
        }
        if (state.nextFree() >= 0 && (reader.readLong(address + state.nextFree(), 1) & 7) != 0) {
            return IS_NONE;
        }
        boolean fits = state.attachedThreads() >= 0
                ? attached >= 0 && attached < 1 << 22 && (system == 0 || system > 2 * attached)
                : untouchedTop || system >= 4096;
        return fits ? faults : IS_NONE;
    }

    /**
     * Follows {@code next} from an arena.
     *
     * @param address where to begin
     * @param state the layout of each
     * @param members receives the arenas that are sound, in the order of the ring
     * @return whether the ring closed
     */
    boolean ring(long address, MallocLayout.State state, Set<Long> members) {
        long at = address;
        while (members.size() < MOST_ARENAS) {
            if (reader.find(at, state.size()) < 0
                    || heads(at + state.bins(), MOST_CHANGING) == null
                    || !members.add(at)) {
                return false;
            }
            at = Structures.arena(reader, at, state).next();
            if (at == address) {
                return true;
            }
        }
        return false;
    }

    /**
     * Whether what was recognised is an arena seen some list heads further on: then list heads lie before those that
     * were taken for the first ones. There are no more of them than may be damaged, since so many are missing at the
     * end.
     */
    boolean shifted(Found found) {
        long bins = found.address() + found.state().bins();
        for (int i = 1; i <= MOST_BROKEN; i++) {
            long head = bins - 16L * i - 16;
            long fd = reader.readLong(head + 16, 0);
            long bk = reader.readLong(head + 24, 0);
            if (fd == head && bk == head || soundHead(head, fd, bk)) {
                return true;
            }
        }
        return false;
    }

    /** Whether the first and the last chunk of a list that is not empty lead back to its head. */
    private boolean soundHead(long head, long fd, long bk) {
        return (fd & 15) == 0
                && (bk & 15) == 0
                && fd != head
                && bk != head
                && reader.readLong(fd + 24, 0) == head
                && reader.readLong(bk + 16, 0) == head;
    }

    /** Size of {@code heap_info} if an arena lies behind the header of its first heap, else 0. */
    long heapInfoSize(long arena) {
        for (long size : new long[] {32, 48}) {
            long heap = arena - size;
            if ((heap & 0xfff) == 0
                    && Structures.heapInfo(reader, heap).arPtr() == arena
                    && Structures.heapInfo(reader, heap).prev() == 0) {
                return size;
            }
        }
        return 0;
    }
}
