// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.core;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Extents;
import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;

/**
 * Writes an ELF core file of a target, as the kernel and gdb's {@code gcore} do: headers, notes, and the memory that
 * {@code /proc/PID/coredump_filter} asks for. A process is left as it is: what would have to be brought into memory to
 * be read is left out, and the program headers say so.
 *
 * <p>The target should stand still. Of one that runs on, the memory may be torn, and there are no registers.
 */
public final class CoreWriter {
    /** What is read at once, in bytes. */
    static final int PIECE = 1 << 20;

    private final Target target;
    private final boolean heapOnly;
    private final Redaction redaction;
    private final Progress progress;

    /** Has bytes of memory replaced before they are written. */
    @FunctionalInterface
    public interface Redaction {
        /** Replaces nothing. */
        Redaction NONE = (_, _) -> {};

        /**
         * Is given all memory that is written, in address order, in pieces that begin with a page.
         *
         * @param address target address of the first byte
         * @param bytes local memory that may be changed
         */
        void apply(long address, MemorySegment bytes);
    }

    /** Is told how far the work is. */
    @FunctionalInterface
    public interface Progress {
        /**
         * Called for each piece of memory.
         *
         * @param done bytes of memory that are done
         * @param total bytes of memory in all
         */
        void at(long done, long total);
    }

    /**
     * What was written.
     *
     * @param bytes the size of the core, in bytes
     * @param data how much of it is not zeros in whole pages, in bytes
     * @param threads how many threads it has
     * @param segments how many segments of memory it has
     * @param leftOut memory that was wanted, but would have had to be brought in to be read, in bytes
     * @param unreadable memory that could not be read when its turn came, in bytes: it is zeros in the core
     */
    public record Summary(long bytes, long data, int threads, int segments, long leftOut, long unreadable) {}

    private CoreWriter(Target target, boolean heapOnly, Redaction redaction, Progress progress) {
        this.target = target;
        this.heapOnly = heapOnly;
        this.redaction = redaction;
        this.progress = progress;
    }

    /**
     * Prepares to write the core of a target.
     *
     * @param target any target
     * @return what writes it
     * @throws UnsupportedTargetException if the program is of a machine of which no cores can be written
     */
    public static CoreWriter of(Target target) {
        if (target.machine() == Machine.OTHER || target.machine() == Machine.X32) {
            throw new UnsupportedTargetException("can't write a core of %s, which is a program for %s"
                    .formatted(target.description(), target.machine().label()));
        }
        return new CoreWriter(target, false, Redaction.NONE, (_, _) -> {});
    }

    /**
     * Writes only what the walks over heaps need: private memory that was written, and the first pages of programs and
     * libraries. Left out are shared memory, files, and code that was made at run time; {@code coredump_filter} is not
     * asked.
     *
     * @return the same with that
     */
    public CoreWriter heapOnly() {
        return new CoreWriter(target, true, redaction, progress);
    }

    /**
     * Has memory replaced before it is written.
     *
     * @param with what replaces it
     * @return the same with that
     */
    public CoreWriter redacting(Redaction with) {
        return new CoreWriter(target, heapOnly, Objects.requireNonNull(with, "with"), progress);
    }

    /**
     * Has somebody told how far the work is, who may end it by an exception.
     *
     * @param told is told, in the thread that calls {@link #write}
     * @return the same with that
     */
    public CoreWriter telling(Progress told) {
        return new CoreWriter(target, heapOnly, redaction, Objects.requireNonNull(told, "told"));
    }

    /**
     * Writes the core. Memory is read by this thread and written by another one, so that the target waits for the
     * slower of the two, and not for both.
     *
     * @param to where it goes
     * @return what was written
     * @throws UncheckedIOException if it can't be written
     * @throws dev.heapwalk.memory.NoSuchProcessException if the process ended meanwhile
     */
    public Summary write(CoreOutput to) {
        return write(target.coreFacts(), to);
    }

    /**
     * Writes the core with facts that were asked for before, or changed.
     *
     * @param facts what it has beside memory
     * @param to where it goes
     * @return what was written
     * @throws UncheckedIOException if it can't be written
     * @throws dev.heapwalk.memory.NoSuchProcessException if the process ended meanwhile
     */
    public Summary write(CoreFacts facts, CoreOutput to) {
        CorePlan plan = new CorePlan(target, facts, heapOnly);
        List<CoreSegment> segments = plan.segments();
        CoreHead head = new CoreHead(target.machine(), target.pageSize(), facts.notes(), segments);
        try (PieceWriter writer = new PieceWriter(to, PIECE)) {
            writer.write(head.bytes());
            writer.zeros(head.padding());
            Memory memory = new Memory(writer, segments);
            try {
                segments.forEach(memory::write);
            } catch (PieceWriter.Stopped e) {
                // What stopped it is told next.
            }
            writer.finish();
            return new Summary(
                    head.size() + memory.total,
                    memory.data,
                    (int) facts.notes().stream()
                            .filter(note -> note.type() == CoreNote.STATUS
                                    && note.owner().equals(CoreNote.CORE))
                            .count(),
                    segments.size(),
                    plan.leftOut(),
                    memory.unreadable);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Writes the memory of segments, one behind the other. */
    private final class Memory {
        private final AddressSpace space = target.memory();
        private final Extents extents = space.extents();
        private final int page = target.pageSize();
        private final MemorySegment zeroPage = Arena.ofAuto().allocate(page, 64);
        private final PieceWriter writer;
        private final long total;
        private long done;
        private long data;
        private long unreadable;

        Memory(PieceWriter writer, List<CoreSegment> segments) {
            this.writer = writer;
            this.total = segments.stream().mapToLong(CoreSegment::written).sum();
        }

        void write(CoreSegment segment) {
            long end = segment.start() + segment.written();
            for (long at = segment.start(); at < end; ) {
                progress.at(done, total);
                long to;
                if (extents.kind(at, end) == Extents.Kind.ZEROS) {
                    to = extents.end();
                    writer.zeros(to - at);
                } else {
                    // Short runs of zeros are read with the rest, and found there.
                    to = Math.min(at + PIECE, end);
                    copy(at, to - at);
                }
                done += to - at;
                at = to;
            }
        }

        private void copy(long address, long length) {
            MemorySegment piece = writer.free().asSlice(0, length);
            read(address, piece);
            redaction.apply(address, piece);
            long from = 0;
            while (from < length) {
                boolean zeros = isZero(piece, from);
                long to = from;
                while (to < length && isZero(piece, to) == zeros) {
                    to = Math.min(to + page, length);
                }
                if (zeros) {
                    writer.zeros(to - from);
                } else {
                    writer.write(from, to);
                    data += to - from;
                }
                from = to;
            }
            writer.taken();
        }

        private boolean isZero(MemorySegment piece, long at) {
            long length = Math.min(page, piece.byteSize() - at);
            return MemorySegment.mismatch(piece, at, at + length, zeroPage, 0, length) < 0;
        }

        /** Reads what can be read, and zeros for what can't: its header is written already. */
        private void read(long address, MemorySegment piece) {
            long got = 0;
            while (got < piece.byteSize()) {
                long more = space.read(address + got, piece.asSlice(got));
                got += more;
                if (got < piece.byteSize()) {
                    long to = Math.min(piece.byteSize(), (got & -(long) page) + page);
                    piece.asSlice(got, to - got).fill((byte) 0);
                    unreadable += to - got;
                    got = to;
                }
            }
        }
    }
}
