// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.DamageList;
import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.RawMemory;
import dev.heapwalk.memory.raw.Words;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * Walks chunks in address order. A flyweight that moves: it allocates nothing for a chunk, and what it says is good
 * until the next {@link #next()}. {@link Chunk#of} takes a record of it for who wants to keep it.
 *
 * <p>Damage ends neither in an exception nor in a loop: it is recorded with what had to be left out, and the walk goes
 * on at the next place from which sound chunks lead on ({@link ChainSearch}), else at the top chunk, else at the next
 * heap or arena. So it does behind memory that can't be read.
 *
 * <p>It reads through a window of its own, whose buffers {@link #close()} frees. Who looks at a process again and again
 * keeps one cursor and {@linkplain #rewind(MallocHeap) rewinds} it over the heap as it is then.
 */
public final class ChunkCursor implements AutoCloseable {
    /** Chunks that end this close to the end of a run are looked at with care: fenceposts stand there. */
    private static final long MARGIN = 64;

    /**
     * So far at most the fast path goes on at a time, in bytes: where no chunk is listed it need not look at the lists.
     */
    private static final long STRETCH = 1 << 16;

    /** The flags that are the same in all used chunks of an arena. */
    private static final long FLAGS = MallocChunk.IS_MMAPPED | MallocChunk.NON_MAIN_ARENA;

    /** The same, with the bit that only a size that is no multiple of 16 has. */
    private static final long CHECKED = FLAGS | 8;

    // A state is kept as its ordinal: a reference would cost what the garbage collector does for its store, at each
    // chunk.
    private static final int USED = ChunkState.USED.ordinal();
    private static final int FREE = ChunkState.FREE.ordinal();
    private static final int TOP = ChunkState.TOP.ordinal();

    /**
     * The states by ordinal, in a table that any three bits lie in: what is in it needs no check. Null where there is
     * none.
     */
    private static final ChunkState[] STATES = Arrays.copyOf(ChunkState.values(), 8);

    private final Window window;
    private final AddressSpace memory;
    private final RunSearch search;
    private final ChainSearch chains;
    private WalkPlan plan;
    private long[] lists;
    private long tail;
    private BitSet busy;
    private boolean closed;
    private final DamageList damage = new DamageList();

    private int run = -1;
    private int arena = -1;
    private long end;
    private long careful = -1;
    private long leftOut;
    private long top;
    private long inUseBits;
    private int listed;

    // What the window shows: a header may be read at an address from that of the last one up to this limit, where it is
    // here plus shift.
    private long shift;
    private long limit = -1;
    // Whether one of the chunks up to there is listed.
    private boolean dense;
    // From where on it shows it.
    private long shown;

    // What the links of the free chunks lead away from them, in sum.
    private long forward;
    private long backward;
    private long skips;

    // The chunk that next() will move to: its header was read to tell the state of the one before.
    private long following;
    private long followingWord;

    private long address;
    private long size;
    private int state = -1;
    private boolean mmapped;

    /** Null where blocks do not say how long they are. */
    private CheckedSizes sizes;

    ChunkCursor(AddressSpace memory, WalkPlan plan, FreeChunks free, MallocLayout layout, BitSet busy) {
        this(memory, memory.window(plan.course), plan, free, layout, busy);
    }

    /** As above, with a window that suits those who jump. */
    ChunkCursor(AddressSpace memory, Window window, WalkPlan plan, FreeChunks free, MallocLayout layout, BitSet busy) {
        this.memory = memory;
        this.window = window;
        this.plan = plan;
        this.search = new RunSearch(memory);
        this.chains = new ChainSearch(memory);
        this.lists = free.entries();
        this.tail = layout.mmapTail();
        this.sizes = CheckedSizes.of(memory, layout);
        this.busy = busy;
    }

    /**
     * Goes back before the first chunk and forgets the damage, so that the same chunks can be walked again. It
     * keeps to the ranges that were known when the heap was located; after an observed process went on, {@linkplain
     * #rewind(MallocHeap) rewind} over the heap as it is now.
     */
    public void rewind() {
        window.forget();
        if (sizes != null) {
            sizes.forget();
        }
        begin();
    }

    /**
     * Goes before the first chunk of a whole heap, with the buffers that it has: for profilers, which look at a process
     * again and again.
     *
     * @param heap the heap as it is now: what {@link MallocHeap#refresh()} gave
     * @throws IllegalArgumentException if the heap is one of another target
     * @throws IllegalStateException if the cursor is closed
     */
    public void rewind(MallocHeap heap) {
        heap.aim(this);
    }

    /** Goes before the first chunk of what may be another walk through the same memory. */
    void rewind(AddressSpace of, WalkPlan newPlan, FreeChunks free, MallocLayout layout, BitSet busyArenas) {
        if (of != memory) {
            throw new IllegalArgumentException("the cursor walks the memory of another target");
        }
        window.course(newPlan.course);
        search.forget();
        chains.forget();
        plan = newPlan;
        lists = free.entries();
        tail = layout.mmapTail();
        if (sizes != null) {
            sizes.close();
        }
        sizes = CheckedSizes.of(memory, layout);
        busy = busyArenas;
        begin();
    }

    /** Has the next {@link #moveTo} read memory again. */
    void forget() {
        window.forget();
        limit = -1;
    }

    private void begin() {
        damage.clear();
        leftOut = 0;
        forward = 0;
        backward = 0;
        skips = 0;
        run = -1;
        arena = -1;
        end = 0;
        careful = -1;
        following = 0;
        followingWord = 0;
        limit = -1;
    }

    /**
     * Frees the buffers. To move the cursor after that throws an {@link IllegalStateException}. A second call does
     * nothing. Who does not close a cursor leaves its buffers to the garbage collector.
     */
    @Override
    public void close() {
        // The fast path asks nobody, so it must not be taken any more.
        begin();
        closed = true;
        window.close();
        if (sizes != null) {
            sizes.close();
        }
        search.close();
        chains.close();
    }

    /**
     * Moves to the next chunk.
     *
     * @return whether there is one
     */
    public boolean next() {
        long p = following;
        long word = followingWord;
        long length = word & ~MallocChunk.SIZE_BITS;
        // What is negative, too small or too large, the end of a run and that of the window are left to the slow path.
        if (length >= MallocChunk.MIN_SIZE && length <= limit - p) {
            long header = p + shift + length;
            long previous = RawMemory.word(header);
            long nextWord = RawMemory.word(header + 8);
            // Used, free and listed chunks alternate at random: a branch would be guessed wrong every few chunks. So
            // each answer is a mask, and all that speaks against the chunk ends in one test.
            long inUse = -(nextWord & MallocChunk.PREV_INUSE);
            long isListed = 0;
            long kind = 0;
            long reachesOver = 0;
            if (dense) {
                long ahead = lists[listed] - p;
                isListed = ahead - 16 >> 63;
                kind = ahead & isListed;
                reachesOver = ahead - length >> 63 & ~isListed;
            }
            // The header behind the chunk confirms its size, so it must look like one itself.
            long nextLength = nextWord & ~MallocChunk.SIZE_BITS;
            long wrong = (word & CHECKED ^ inUseBits) & (inUse | ~MallocChunk.NON_MAIN_ARENA)
                    | ~inUse & (previous ^ length | kind)
                    | kind >> FreeChunks.KIND_BITS
                    | reachesOver
                    | (nextLength - MallocChunk.MIN_SIZE | end - p - length - nextLength) >> 63
                    | nextWord & 8;
            if (wrong == 0) {
                if (dense) {
                    listed -= (int) isListed;
                }
                return move(p, length, (int) (kind | ~inUse & FREE), p + length, nextWord);
            }
        }
        return carefully();
    }

    private boolean move(long p, long length, int newState, long q, long nextWord) {
        address = p;
        size = length;
        state = newState;
        following = q;
        followingWord = nextWord;
        return true;
    }

    private boolean carefully() {
        limit = -1;
        if (closed) {
            throw new IllegalStateException("the cursor is closed: it does not move any more");
        }
        try {
            return step();
        } catch (IllegalStateException e) {
            throw closedTarget(e);
        }
    }

    /**
     * What a window shows of a core that was closed meanwhile says no more than that. The window says which core it was
     * when it is asked again.
     */
    private IllegalStateException closedTarget(IllegalStateException e) {
        window.forget();
        window.find(following, MallocChunk.HEADER);
        return e;
    }

    private boolean step() {
        while (true) {
            if (following >= end) {
                if (!enter()) {
                    return false;
                }
                continue;
            }
            long p = following;
            long word = followingWord;
            long length = word & ~MallocChunk.SIZE_BITS;
            if (arena < 0) {
                mmapped = true;
                following = end;
                if (length != end - p - tail || (word & MallocChunk.IS_MMAPPED) == 0) {
                    leftOut += end - p;
                    record(p, "the mmapped chunk has changed since it was found (size word 0x%x)".formatted(word));
                    continue;
                }
                address = p;
                size = length;
                state = stateInUse(p);
                return true;
            }
            mmapped = false;
            if (p == top) {
                if (length == end - p || !goesOn(p, length)) {
                    if (length != end - p) {
                        record(
                                p,
                                "the top chunk has size 0x%x, but 0x%x bytes are left to the end of its run"
                                        .formatted(length, end - p));
                    }
                    return move(p, end - p, TOP, end, 0);
                }
                record(
                        p,
                        "the arena's top is no top chunk: it has size 0x%x, and chunks go on behind it"
                                .formatted(length));
                top = 0;
            }
            if (length <= MallocChunk.HEADER && fencepost(p, length)) {
                continue;
            }
            if (length < MallocChunk.MIN_SIZE || (length & 15) != 0 || length > end - p) {
                if (resynchronise(p, 0, sizeFault(length, end - p))) {
                    return true;
                }
                continue;
            }
            long q = p + length;
            if (q == end && (top == 0 || top < p)) {
                record(
                        p,
                        "the chunk reaches to the end of its run and is taken for the top chunk: the arena's is elsewhere");
                return move(p, length, TOP, end, 0);
            }
            long offset = end - q < MallocChunk.HEADER ? -1 : window.find(q, MallocChunk.HEADER);
            if (offset < 0) {
                if (resynchronise(
                        p,
                        length,
                        end - q < MallocChunk.HEADER
                                ? "the chunk reaches to the end of its run, where top or a fencepost should be"
                                : "memory at 0x%x can't be read".formatted(window.missing()))) {
                    return true;
                }
                continue;
            }
            long previous = window.segment().get(Words.LONG, offset);
            long nextWord = window.segment().get(Words.LONG, offset + 8);
            long nextLength = nextWord & ~MallocChunk.SIZE_BITS;
            if (nextLength == 0 && end - q <= MARGIN && top == 0 && arena > 0) {
                // An old top that was too small for two fenceposts became one itself.
                following = end;
                continue;
            }
            if (q != top && !header(q, nextWord)) {
                if (resynchronise(p, length, "the chunk behind is damaged: " + sizeFault(nextLength, end - q))) {
                    return true;
                }
                continue;
            }
            if (hidesListed(p, q)) {
                if (resynchronise(
                        p,
                        0,
                        "the chunk has size 0x%x, but one that a list names begins before its end".formatted(length))) {
                    return true;
                }
                continue;
            }
            boolean free = (nextWord & MallocChunk.PREV_INUSE) == 0;
            if (free && previous != length) {
                chains.in(plan.starts[run], end, top, inUseBits, lists);
                if (!chains.inBin(p)) {
                    if (swallows(p, q, previous)) {
                        continue;
                    }
                    if (!chains.sound(q)) {
                        if (resynchronise(
                                p,
                                length,
                                "the chunk has size 0x%x, but the one behind it says 0x%x"
                                        .formatted(length, previous))) {
                            return true;
                        }
                        continue;
                    }
                    free = false;
                }
                record(
                        p,
                        (free
                                        ? "the free chunk has size 0x%x, but the one behind it says 0x%x"
                                        : "the chunk of size 0x%x is in no bin, but the one behind it says that one of 0x%x is free")
                                .formatted(length, previous));
            }
            if (free) {
                if ((word & MallocChunk.IS_MMAPPED) != 0) {
                    record(p, "IS_MMAPPED is set in a free chunk of an arena (size word 0x%x)".formatted(word));
                }
                show(q, offset);
                return move(p, length, FREE, q, nextWord);
            }
            if ((word & FLAGS) != inUseBits) {
                chains.in(plan.starts[run], end, top, inUseBits, lists);
                if (chains.coarse(p, length)) {
                    // It is no chunk, but what a program wrote where a damaged one led to.
                    if (resynchronise(
                            p,
                            0,
                            "the flag bits are wrong for a chunk of this arena (size word 0x%x)".formatted(word))) {
                        return true;
                    }
                    continue;
                }
                record(p, "wrong flag bits for a chunk of this arena (size word 0x%x)".formatted(word));
            }
            int itself = stateInUse(p);
            show(q, offset);
            return move(p, length, itself, q, nextWord);
        }
    }

    /**
     * Whether a chunk is so long by damage that it reaches over one in a fastbin or a thread cache. A list that is damaged
     * may name what lies in a chunk, but no chunks go on from there.
     */
    private boolean hidesListed(long p, long q) {
        int ahead = listed;
        while (FreeChunks.chunk(lists[ahead]) <= p) {
            ahead++;
        }
        long inside = FreeChunks.chunk(lists[ahead]);
        if (inside >= q) {
            return false;
        }
        chains.in(plan.starts[run], end, top, inUseBits, lists);
        return chains.sure(inside);
    }

    /** Whether chunks go on behind one that should be the last. */
    private boolean goesOn(long p, long length) {
        if (length < MallocChunk.MIN_SIZE || (length & 15) != 0 || length >= end - p) {
            return false;
        }
        chains.in(plan.starts[run], end, 0, inUseBits, lists);
        return chains.sound(p + length);
    }

    /** Whether a size word is one that may stand behind a chunk. */
    private boolean header(long chunk, long word) {
        long length = word & ~MallocChunk.SIZE_BITS;
        return length >= MallocChunk.MIN_SIZE && (length & 8) == 0 && length <= end - chunk
                || length <= MallocChunk.HEADER && isFencepost(chunk, length) != 0;
    }

    /**
     * Whether a chunk is so long by damage that it reaches over others, or is none: the chunk behind it says that the
     * one before is free, and that one begins elsewhere. Then goes on where chunks are.
     */
    private boolean swallows(long p, long q, long previous) {
        long last = q - previous;
        if (previous >= MallocChunk.MIN_SIZE && last < p && chains.inBin(last)) {
            leaveOut(p, q, "what looks like a chunk of size 0x%x lies in the free one at 0x%x".formatted(q - p, last));
            return true;
        }
        if (previous < MallocChunk.MIN_SIZE
                || (previous & 15) != 0
                || last - p < MallocChunk.MIN_SIZE
                || (chains.sizeWord(last) & ~MallocChunk.SIZE_BITS) != previous) {
            return false;
        }
        long next = chains.next(p, p + MallocChunk.MIN_SIZE, 0);
        if (next < 0 || next > last) {
            return false;
        }
        leaveOut(p, next, "the chunk has size 0x%x, but another begins before its end".formatted(q - p));
        return true;
    }

    private void goBefore(int ofRun, long chunk, long word) {
        run = ofRun;
        following = chunk;
        followingWord = word;
        end = plan.ends[run];
        arena = plan.arenas[run];
        top = plan.tops[run];
        careful = arena < 0 ? -1 : end - MARGIN;
        inUseBits = arena > 0 ? MallocChunk.NON_MAIN_ARENA : 0;
        listed = Arrays.binarySearch(lists, chunk);
        if (listed < 0) {
            listed = -listed - 1;
        }
    }

    /**
     * Goes before a chunk that an earlier walk came by, and forgets the damage. Returns whether its header can be read;
     * if not, the cursor stays where it is.
     */
    boolean moveTo(int ofRun, long chunk) {
        long offset = window.find(chunk, MallocChunk.HEADER);
        if (offset < 0) {
            return false;
        }
        damage.clear();
        limit = -1;
        try {
            goBefore(ofRun, chunk, window.segment().get(Words.LONG, offset + 8));
        } catch (IllegalStateException e) {
            throw closedTarget(e);
        }
        return true;
    }

    /** Adds the links of the chunk, which is free, to {@link #forwardLinks} and {@link #backwardLinks}. */
    void addLinks() {
        long p = address;
        if (p >= shown && p <= limit - MallocChunk.MIN_SIZE) {
            long links = p + shift + MallocChunk.HEADER;
            forward += RawMemory.word(links) - p;
            backward += RawMemory.word(links + 8) - p;
            if (size >= MallocChunk.MIN_LARGE) {
                skips += skip(p, RawMemory.word(links + 16)) - skip(p, RawMemory.word(links + 24));
            }
        } else {
            chains.in(plan.starts[run], end, top, inUseBits, lists);
            forward += chains.word(p + 16) - p;
            backward += chains.word(p + 24) - p;
            if (size >= MallocChunk.MIN_LARGE) {
                skips += skip(p, chains.word(p + 32)) - skip(p, chains.word(p + 40));
            }
        }
    }

    /** How far a link leads that a chunk need not have; not 0 for one that leads to the chunk itself. */
    private static long skip(long chunk, long link) {
        return link == 0 ? 0 : link - chunk + 1;
    }

    /**
     * How far all {@code fd} that were added lead, in sum: in bins that are whole, as far back as those of their heads.
     */
    long forwardLinks() {
        return forward;
    }

    /** The same of {@code bk}. */
    long backwardLinks() {
        return backward;
    }

    /** How far {@code fd_nextsize} lead in sum, less {@code bk_nextsize}: 0 in bins that are whole. */
    long skipLinks() {
        return skips;
    }

    /** The run that the chunk lies in. */
    int run() {
        return run;
    }

    /** The ordinal of {@link #state()}. */
    int stateIndex() {
        return state;
    }

    /** Goes into the next run whose first header can be read. */
    private boolean enter() {
        if (run >= plan.starts.length - 1) {
            run = plan.starts.length;
            end = 0;
            careful = -1;
            following = 0;
            followingWord = 0;
            return false;
        }
        long start = plan.starts[run + 1];
        // None lies in the half of all addresses that is the kernel's, whatever a core says: the fast path relies on
        // it.
        long offset = start < 0 ? -1 : window.find(start, MallocChunk.HEADER);
        // Should one of these throw, the cursor stays where it is.
        long word = offset < 0 ? 0 : window.segment().get(Words.LONG, offset + 8);
        goBefore(run + 1, start, word);
        if (offset < 0) {
            String reason = "memory at 0x%x can't be read".formatted(start < 0 ? start : window.missing());
            long next = -1;
            if (start >= 0 && end >= start && arena >= 0) {
                chains.in(start, end, top, inUseBits, lists);
                next = chains.next(start, start + MallocChunk.HEADER, 0);
            }
            leaveOut(start, next, reason);
        } else if (arena >= 0 && (word & MallocChunk.PREV_INUSE) == 0) {
            record(
                    start,
                    "the first chunk of a run says that the one before it is free (size word 0x%x)".formatted(word));
        }
        return true;
    }

    /**
     * Lets the fast path go on from an address that the window shows at an offset: only for who moves there, since the
     * fast path does not ask again, and nothing before that address is sure to be shown.
     */
    private void show(long q, long offset) {
        shown = q;
        shift = window.segment().address() + offset - q;
        // As a length, since a sum of addresses may wrap in a core that lies.
        limit = q + Math.min(careful - q, Math.min(STRETCH, window.available(offset)) - MallocChunk.HEADER);
        dense = lists[listed] < limit;
    }

    /** The state of a chunk that is not in a bin. */
    private int stateInUse(long p) {
        while (lists[listed] < p) {
            long entry = lists[listed++];
            record(
                    FreeChunks.chunk(entry),
                    FreeChunks.kind(entry) == FreeChunks.TCACHE
                            ? "a thread cache lists an address that is no chunk"
                            : "a fastbin lists an address that is no chunk");
        }
        return FreeChunks.chunk(lists[listed]) == p ? FreeChunks.kind(lists[listed++]) : USED;
    }

    /** Whether a chunk that is too small is an artificial one at the end of a run; then steps behind it. */
    private boolean fencepost(long p, long length) {
        long behind = isFencepost(p, length);
        if (behind == 0) {
            return false;
        }
        if (behind == end || end - behind < MallocChunk.MIN_SIZE) {
            following = end;
            return true;
        }
        long start = search.next(behind, end, top, 16);
        if (start < 0) {
            chains.in(plan.starts[run], end, top, inUseBits, lists);
            leaveOut(behind, chains.next(behind, behind, 0), "no sound run of chunks was found behind the fenceposts");
            return true;
        }
        following = start;
        followingWord = window.segment().get(Words.LONG, window.require(start, MallocChunk.HEADER) + 8);
        return true;
    }

    /** Where the walk goes on behind an artificial chunk at the end of a run, 0 if there is none at an address. */
    private long isFencepost(long p, long length) {
        long second = length == 0 ? p : p + MallocChunk.HEADER;
        if (end - second < MallocChunk.HEADER) {
            return 0;
        }
        long offset = window.find(second, MallocChunk.HEADER);
        if (offset < 0) {
            return 0;
        }
        long secondWord = window.segment().get(Words.LONG, offset + 8);
        if (arena > 0) {
            // The last heap ends in top; the others in a chunk of 16 bytes and one of none.
            return top != 0 || secondWord != MallocChunk.PREV_INUSE || end - second > MARGIN ? 0 : end;
        }
        return length != MallocChunk.HEADER || secondWord != (MallocChunk.HEADER | MallocChunk.PREV_INUSE)
                ? 0
                : second + MallocChunk.HEADER;
    }

    private static String sizeFault(long length, long room) {
        if (length == 0) {
            return "the chunk has size 0";
        }
        if (length > 0 && length < MallocChunk.MIN_SIZE) {
            return "the chunk has size 0x%x, less than the smallest".formatted(length);
        }
        if ((length & 15) != 0) {
            return "the chunk has size 0x%x, which is no multiple of 16".formatted(length);
        }
        return "the chunk has size 0x%x, but its run ends 0x%x bytes behind it".formatted(length, room);
    }

    /**
     * Goes on where chunks go on behind damage or a hole.
     *
     * @param p target address of the last header that was read
     * @param length its size if that may be right, but nothing behind it confirms it; else 0
     * @return whether the cursor has moved to that chunk
     */
    private boolean resynchronise(long p, long length, String reason) {
        chains.in(plan.starts[run], end, top, inUseBits, lists);
        boolean inBin = chains.inBin(p);
        if (inBin && length > 0 && chains.word(p + length) == length) {
            // Its size stands at both ends, so it is the header behind it that is damaged.
            long behind = p + length;
            leaveOut(behind, chains.next(behind, behind + MallocChunk.MIN_SIZE, 0), reason);
            return move(p, length, FREE, following, followingWord);
        }
        // Where a chunk before it is damaged it may be none itself, and the next one may begin anywhere.
        long next = chains.next(p, p + MallocChunk.HEADER, p + length);
        if (next >= 0 && chains.closes()) {
            record(
                    p,
                    "%s; it is free and has size 0x%x, as its bin and the chunk behind it say"
                            .formatted(reason, next - p));
            following = next;
            followingWord = chains.sizeWord(next);
            return move(p, next - p, FREE, following, followingWord);
        }
        if (length == 0 || next >= 0 && next < p + length) {
            leaveOut(p, next, reason);
            return false;
        }
        // What the chunk says of itself stands. Whether it is in use would be told behind it.
        int itself = inBin ? FREE : stateInUse(p);
        leaveOut(p + length, next, reason);
        return move(p, length, itself, following, followingWord);
    }

    /** Goes on at a chunk; if that is -1, at top, else behind the run. */
    private void leaveOut(long from, long next, String reason) {
        boolean atTop = next < 0 && top != 0 && top > from;
        chains.in(plan.starts[run], end, top, inUseBits, lists);
        long to = next >= 0 ? next : atTop ? top : end;
        following = to;
        followingWord = to == end ? 0 : chains.sizeWord(to);
        if (atTop && followingWord == 0) {
            // Where it can't be read it still is what is left.
            followingWord = end - top | MallocChunk.PREV_INUSE;
        }
        while (FreeChunks.chunk(lists[listed]) < to) {
            listed++;
        }
        leftOut += to - from;
        record(
                from,
                "%s; 0x%x to 0x%x, %d bytes, are left out%s"
                        .formatted(reason, from, to, to - from, atTop ? ", up to the top chunk" : ""));
    }

    private void record(long at, String reason) {
        damage.add(
                at,
                arena,
                arena >= 0 && busy.get(arena)
                        ? reason + " (a thread is inside this arena, and may be halfway through a change)"
                        : reason);
    }

    /**
     * Where the chunk begins.
     *
     * @return target address of its {@code malloc_chunk}
     */
    public long address() {
        return address;
    }

    /**
     * What malloc returned for it, or would return.
     *
     * @return a target address, 16 bytes behind {@link #address()}
     */
    public long userAddress() {
        return address + MallocChunk.HEADER;
    }

    /**
     * The size of the chunk with its header, without the flag bits; for an mmapped chunk as its header has it.
     *
     * @return bytes
     */
    public long size() {
        return size;
    }

    /**
     * How many bytes the program may use. C name {@code malloc_usable_size}.
     *
     * @return bytes; where malloc checks blocks ({@code glibc.malloc.check}), what the program asked for
     */
    public long usableSize() {
        // Only the last word of an arena's chunk is shared with the next one; so it is of an mmapped one since 2.43.
        long usable = mmapped && tail == 0 ? size - 16 : size - 8;
        return sizes == null || state() != ChunkState.USED ? usable : sizes.usable(address, usable);
    }

    /**
     * What malloc holds it for.
     *
     * @return the state
     */
    public ChunkState state() {
        return STATES[state & 7];
    }

    /**
     * Whether it was mapped on its own.
     *
     * @return whether {@code IS_MMAPPED} is set
     */
    public boolean mmapped() {
        return mmapped;
    }

    /**
     * The arena it belongs to.
     *
     * @return an index into {@link MallocHeap#arenas()}, -1 for an mmapped chunk
     */
    public int arena() {
        return arena;
    }

    /**
     * How many bytes of the walk lie behind the cursor.
     *
     * @return bytes, from 0 to {@link #totalBytes()}
     */
    public long walkedBytes() {
        if (run < 0) {
            return 0;
        }
        return run < plan.starts.length ? plan.before[run] + following - plan.starts[run] : plan.totalBytes;
    }

    /**
     * How many bytes the walk has in all.
     *
     * @return bytes
     */
    public long totalBytes() {
        return plan.totalBytes;
    }

    /**
     * How many bytes behind the cursor were not walked, because what is there is damaged, can't be read, or changed
     * while the walk went over it. How far off a walk over a process that runs on may be.
     *
     * @return bytes
     */
    public long leftOutBytes() {
        return leftOut;
    }

    /**
     * What the cursor met that was damaged or could not be read.
     *
     * @return the list so far; behind the first thousand a last entry says how many more there were
     */
    public List<Damage> damage() {
        return damage.list();
    }

    @Override
    public String toString() {
        return state < 0 ? "before the first chunk" : Chunk.of(this).toString();
    }
}
