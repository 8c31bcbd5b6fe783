// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.Copier;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.core.CoreFacts;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.elf.ElfModules;
import dev.heapwalk.memory.held.HeldMemory;
import dev.heapwalk.memory.raw.Buffers;
import dev.heapwalk.memory.raw.Crew;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Copies a process into blocks of memory that are kept for the next copy. Some threads copy at the same time, a piece
 * each in one call; what is to be copied is asked of the kernel before, so that nothing becomes resident by it but a
 * little that is swapped out.
 */
final class ProcessCopier implements Copier {
    /** What is reserved at once, in bytes. */
    private static final int BLOCK = 8 << 20;

    /** What a thread copies in one go, in bytes. */
    private static final int PIECE = 1 << 20;

    private static final int MOST_THREADS = 4;
    /** So much is copied for a trial while the process runs, in bytes: then all code has been loaded and has run. */
    private static final long TRIAL = 32 << 20;

    /** After so many pages in a row that can't be read, the rest of the piece is given up. */
    private static final int MOST_FAILURES = 16;

    private final Libc libc;
    private final LiveTarget target;
    private final LiveMemory memory;
    private final LiveProcess process;
    private final long most;
    private final CopyPlan plan;
    private final LiveMemory.Vectors[] vectors;
    private final Buffers buffers = new Buffers();
    private final List<MemorySegment> blocks = new ArrayList<>();
    private volatile Optional<Target> made = Optional.empty();
    private boolean closed;
    /** What a core has of the process, as it was before the stop. */
    private ProcessFacts facts;

    // The pieces of the copy that is made: where they lie in the process and in the blocks.
    private long[] addresses = new long[1024];
    private long[] places = new long[1024];
    private int[] lengths = new int[1024];
    private int count;

    /** What could not be read of each piece, by its number and where in it; in no order. */
    private final List<Hole> holes = new ArrayList<>();

    private record Hole(int piece, int from, int to) {}

    ProcessCopier(Libc libc, LiveTarget target, LiveMemory memory, LiveProcess process, long most) {
        this.libc = libc;
        this.target = target;
        this.memory = memory;
        this.process = process;
        this.most = most;
        this.plan = new CopyPlan(memory);
        this.vectors = new LiveMemory.Vectors[Math.clamp(Runtime.getRuntime().availableProcessors(), 1, MOST_THREADS)];
        Arrays.setAll(vectors, i -> memory.vectors(Arena.ofAuto()));
    }

    /** Does what need not wait until the process stands still. */
    synchronized void prepare() {
        if (!memory.hasPageMap()) {
            return;
        }
        List<ElfModule> modules = target.modules();
        modules.forEach(ElfModules::file);
        // Which files must not be looked at is known from now on, also when the process has ended.
        process.mayHang("/");
        process.mayHangHere("/");
        facts = target.processFacts();
        plan.make(modules);
        if (plan.bringsBackMuch() || plan.bytes() > most) {
            return;
        }
        // It goes on growing.
        reserve(Math.min(most, plan.bytes() + plan.bytes() / 16));
        place(TRIAL);
        read();
    }

    @Override
    public synchronized Target copy() {
        if (closed) {
            throw new IllegalStateException("the copier of %s is closed".formatted(process.description()));
        }
        if (made.isPresent()) {
            throw new IllegalStateException("close the copy of %s before, whose memory is used again for the next one"
                    .formatted(process.description()));
        }
        long moment = target.moment();
        if (moment == 0) {
            throw new IllegalStateException(
                    process.description() + " runs: it can be copied while a stop of this target holds it");
        }
        if (!memory.hasPageMap()) {
            throw new TargetException(
                    TargetException.Reason.NOT_COPIED,
                    "%s can't be copied without a change to it: the kernel does not tell which memory it has touched"
                            .formatted(process.description()));
        }
        List<ElfModule> modules = target.modules();
        plan.make(modules);
        if (plan.bringsBackMuch()) {
            throw new TargetException(
                    TargetException.Reason.NOT_COPIED,
                    "%s can't be copied without a change to it: %,d bytes of its memory are swapped out"
                            .formatted(process.description(), plan.swapped()));
        }
        if (plan.bytes() > most) {
            throw new TargetException(
                    TargetException.Reason.NOT_COPIED,
                    "%s has %,d bytes in memory, and a copy of it may have %,d"
                            .formatted(process.description(), plan.bytes(), most));
        }
        reserve(plan.bytes());
        place(Long.MAX_VALUE);
        read();
        memory.checkNotLost();
        if (target.moment() != moment) {
            throw new IllegalStateException(process.description() + " went on while it was copied");
        }
        Arena open = Arena.ofShared();
        // The modules reach the memory of the copy, and that the arena.
        RootFolder root = new RootFolder(libc, process, open.scope());
        try {
            Target copy = copied(modules, open, root);
            made = Optional.of(copy);
            return copy;
        } catch (Throwable e) {
            open.close();
            root.close();
            throw e;
        }
    }

    private Target copied(List<ElfModule> modules, Arena open, RootFolder root) {
        MemorySegment alive = MemorySegment.NULL.reinterpret(open, null);
        HeldMemory held = new HeldMemory(
                process.description(), memory.mappings(), memory.pageSize(), plan.with(copies(open)), alive);
        List<ThreadState> threads = target.threads();
        if (facts == null) {
            facts = target.processFacts();
        }
        CoreFacts core = facts.with(threads, target.registerNotes(), memory.mappings(), memory.pageSize());
        return new CopiedTarget(process, threads, held, modules, root.path(), memory.notices(), core, open, () -> {
            root.close();
            made = Optional.empty();
        });
    }

    @Override
    public synchronized void close() {
        closed = true;
        made.ifPresent(Target::close);
        blocks.clear();
        buffers.close();
    }

    @Override
    public synchronized long bytes() {
        return (long) blocks.size() * BLOCK;
    }

    /** Makes room for so many bytes. */
    private void reserve(long bytes) {
        while (bytes > bytes()) {
            try {
                blocks.add(buffers.allocate(BLOCK, 4096));
            } catch (OutOfMemoryError e) {
                throw new TargetException(
                        TargetException.Reason.NOT_COPIED,
                        "there is no memory for a copy of %s, which takes %,d bytes"
                                .formatted(process.description(), bytes),
                        e);
            }
        }
    }

    /** Gives each piece its place. */
    private void place(long trial) {
        count = 0;
        holes.clear();
        plan.copied((start, end) -> {
            long at = start;
            long place = count == 0 ? 0 : places[count - 1] + lengths[count - 1];
            while (at < end && place < trial) {
                int length = (int) Math.min(Math.min(end - at, PIECE), BLOCK - place % BLOCK);
                add(at, place, length);
                at += length;
                place += length;
            }
        });
    }

    private void add(long address, long place, int length) {
        if (count == addresses.length) {
            addresses = Arrays.copyOf(addresses, 2 * count);
            places = Arrays.copyOf(places, 2 * count);
            lengths = Arrays.copyOf(lengths, 2 * count);
        }
        addresses[count] = address;
        places[count] = place;
        lengths[count++] = length;
    }

    private MemorySegment block(int piece) {
        return blocks.get((int) (places[piece] / BLOCK));
    }

    /** Reads all pieces. */
    private void read() {
        AtomicInteger next = new AtomicInteger();
        Crew.work("copy", Math.clamp(count, 1, vectors.length), number -> {
            LiveMemory.Vectors own = vectors[number];
            try {
                own.forget();
                for (int piece; (piece = next.getAndIncrement()) < count; ) {
                    read(own, piece);
                }
            } catch (Throwable e) {
                next.set(count);
                throw e;
            }
        });
    }

    private void read(LiveMemory.Vectors own, int piece) {
        MemorySegment block = block(piece);
        long offset = places[piece] % BLOCK;
        int page = memory.pageSize();
        int failures = 0;
        for (int done = 0; done < lengths[piece]; ) {
            int left = lengths[piece] - done;
            int got = (int) memory.read(own, addresses[piece] + done, block, offset + done, left);
            failures = got == 0 ? failures + 1 : 0;
            done += got;
            if (done < lengths[piece]) {
                // Such as a page of a device, or of a file that has become shorter.
                int to = failures == MOST_FAILURES ? lengths[piece] : Math.min(lengths[piece], (done & -page) + page);
                synchronized (holes) {
                    holes.add(new Hole(piece, done, to));
                }
                done = to;
            }
        }
    }

    /** What was copied, until an arena is closed. */
    private List<CopyPlan.Copy> copies(Arena open) {
        holes.sort((one, other) -> one.piece != other.piece ? one.piece - other.piece : one.from - other.from);
        List<CopyPlan.Copy> copies = new ArrayList<>();
        int hole = 0;
        long start = 0;
        long place = 0;
        long length = 0;
        for (int piece = 0; piece < count; piece++) {
            int from = 0;
            while (from < lengths[piece]) {
                boolean broken = hole < holes.size() && holes.get(hole).piece == piece;
                int to = broken ? holes.get(hole).from : lengths[piece];
                boolean goesOn = length > 0
                        && start + length == addresses[piece] + from
                        && place + length == places[piece] + from
                        && (place + length) % BLOCK != 0;
                if (!goesOn) {
                    add(copies, open, start, place, length);
                    start = addresses[piece] + from;
                    place = places[piece] + from;
                    length = 0;
                }
                length += to - from;
                from = broken ? holes.get(hole++).to : to;
            }
        }
        add(copies, open, start, place, length);
        return copies;
    }

    private void add(List<CopyPlan.Copy> copies, Arena open, long start, long place, long length) {
        if (length > 0) {
            MemorySegment bytes = blocks.get((int) (place / BLOCK)).asSlice(place % BLOCK, length);
            copies.add(new CopyPlan.Copy(start, bytes.reinterpret(open, null)));
        }
    }
}
