// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.ErrnoException;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.PermissionDeniedException;
import dev.heapwalk.memory.Ranges;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.TouchedPages;
import dev.heapwalk.memory.Window;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.ref.Reference;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The memory of a process, read with {@code process_vm_readv}, or through {@code /proc/PID/mem} where that call is
 * refused or missing.
 */
final class LiveMemory implements AddressSpace {
    private static final long IOVEC_SIZE = 16;
    private static final int BOUNCE_SIZE = 1 << 18;
    private static final int NOT_OPEN = -1;
    private static final int NOT_TO_BE_HAD = -2;
    private static final long REFUSED = -1;

    private final Libc libc;
    /** Worth the question whether the file of a mapping reaches so far, in bytes. */
    private static final long LARGE = 64 << 20;

    private final LiveProcess process;
    /** Whether it stands still. */
    private volatile boolean stopped;

    private final AtomicReference<Vectors> spare = new AtomicReference<>();
    private final ReentrantLock fileLock = new ReentrantLock();
    private final Watch watch;
    private final Watch.Mark fileMark;
    private volatile Mappings mappings;
    private volatile boolean closed;
    /** Why the process was let go before it was closed, null if it was not. */
    private volatile TargetException lost;

    private volatile boolean throughFile;
    private int file = NOT_OPEN;
    private int pageMap = NOT_OPEN;

    /**
     * Opens the memory of a process.
     *
     * @param libc the C library
     * @param process whose
     * @param watch what sees to it that no read hangs for ever
     */
    LiveMemory(Libc libc, LiveProcess process, Watch watch) {
        this.libc = libc;
        this.process = process;
        this.watch = watch;
        this.fileMark = watch.mark();
    }

    /** Looks at the process for the first time. */
    void open() {
        mappings = list();
        probe();
    }

    /** The process stands still from now on: what is known of it now holds. */
    void standsStill() {
        stopped = true;
    }

    /** It runs on, and what is known of it may be out of date. */
    void runsOn() {
        stopped = false;
    }

    private Mappings list() {
        Watch.Mark mark = watch.mark();
        mark.begin(0, 0);
        try {
            return process.mappings(mark::goesOn);
        } finally {
            mark.end();
        }
    }

    /** Reads one byte, so that a refusal comes when the target is opened and not in the middle of a walk. */
    private void probe() {
        for (Mapping mapping : mappings) {
            // The vsyscall page lies in the kernel's half and can't be read from outside.
            if (mapping.readable()
                    && mapping.start() >= 0
                    && read(mapping.start(), MemorySegment.ofArray(new byte[1])) == 1) {
                return;
            }
        }
    }

    /** What a call needs besides the destination; kept, so that a read allocates nothing. */
    static final class Vectors {
        private final SegmentAllocator memory;
        private final MemorySegment local;
        private final MemorySegment remote;
        private final Watch.Mark mark;
        private MemorySegment bounce;

        private Vectors(SegmentAllocator memory, Watch.Mark mark) {
            this.mark = mark;
            this.memory = memory;
            this.local = memory.allocate(IOVEC_SIZE, Long.BYTES);
            this.remote = memory.allocate(IOVEC_SIZE * Libc.IOV_MAX, Long.BYTES);
        }

        private static void set(MemorySegment vector, int index, long address, long length) {
            vector.set(JAVA_LONG, index * IOVEC_SIZE, address);
            vector.set(JAVA_LONG, index * IOVEC_SIZE + Long.BYTES, length);
        }

        private MemorySegment bounce() {
            if (bounce == null) {
                bounce = memory.allocate(BOUNCE_SIZE, 4096);
            }
            return bounce;
        }
    }

    private Vectors take() {
        Vectors mine = spare.getAndSet(null);
        return mine != null ? mine : vectors(Arena.ofAuto());
    }

    /** What a reader needs for itself. */
    Vectors vectors(SegmentAllocator from) {
        return new Vectors(from, watch.mark());
    }

    boolean stopped() {
        return stopped;
    }

    @Override
    public int pageSize() {
        return process.pageSize();
    }

    @Override
    public Mappings mappings() {
        return mappings;
    }

    @Override
    public void refresh() {
        checkOpen();
        if (!stopped) {
            process.checkSame();
            mappings = list();
        }
    }

    @Override
    public Window window() {
        return window(Ranges.NONE);
    }

    @Override
    public Window window(Ranges course) {
        checkOpen();
        return new Window(new MovingSource(this, course));
    }

    @Override
    public Window cache(long budget) {
        return cache(budget, CacheSource.LINE);
    }

    @Override
    public Window cache(long budget, int line) {
        checkOpen();
        if (line < pageSize() || line > CacheSource.LINE || Integer.bitCount(line) != 1) {
            throw new IllegalArgumentException(
                    "a cache has lines of a power of two bytes, from a page to " + CacheSource.LINE + ", not " + line);
        }
        if (budget < CacheSource.LINE) {
            throw new IllegalArgumentException(
                    "a cache needs a budget of at least " + CacheSource.LINE + " bytes, not " + budget);
        }
        return new Window(new CacheSource(this, budget, line));
    }

    @Override
    public long nextReadable(long address, long limit) {
        Mappings known = mappings;
        long at = known.nextReadable(address, limit);
        while (at < limit) {
            Mapping mapping = known.at(at).orElse(null);
            if (mapping == null || mapping.anonymous() || mapping.length() < LARGE || at < process.endOfFile(mapping)) {
                return at;
            }
            at = known.nextReadable(mapping.end(), limit);
        }
        return limit;
    }

    @Override
    public TouchedPages touched() {
        checkOpen();
        return new PageMap(this);
    }

    /**
     * Reads {@code /proc/PID/pagemap}.
     *
     * @param page number of the first page
     * @param words native memory for a word of each page
     * @return how many words were read, 0 where the kernel does not tell
     */
    long readPageMap(long page, MemorySegment words) {
        fileLock.lock();
        try {
            if (!openPageMap()) {
                return 0;
            }
            fileMark.begin(page * pageSize(), words.byteSize() / Long.BYTES * pageSize());
            long got = libc.pread(pageMap, words, words.byteSize(), page * Long.BYTES);
            fileMark.end();
            return Math.max(0, got) / Long.BYTES;
        } finally {
            fileLock.unlock();
        }
    }

    /**
     * Asks {@code /proc/PID/pagemap} for runs of pages.
     *
     * @param argument a {@code struct pm_scan_arg}, whose {@code walk_end} is set
     * @return how many runs there are, or a negative error number
     */
    long scanPageMap(MemorySegment argument) {
        fileLock.lock();
        try {
            long found = openPageMap() ? -Errno.EINTR : -Errno.ENOSYS;
            while (found == -Errno.EINTR) {
                fileMark.begin(0, 0);
                found = libc.ioctl(pageMap, Libc.PAGEMAP_SCAN, argument);
                fileMark.end();
            }
            return found;
        } finally {
            fileLock.unlock();
        }
    }

    private boolean openPageMap() {
        checkOpen();
        if (pageMap == NOT_OPEN) {
            int fd = libc.open(process.pageMapFile().toString(), Libc.O_RDONLY | Libc.O_CLOEXEC);
            pageMap = fd >= 0 ? fd : NOT_TO_BE_HAD;
        }
        return pageMap != NOT_TO_BE_HAD;
    }

    /** Where the mappings begin of which nothing is in memory or swapped out, as {@code smaps} tells. */
    Set<Long> mappingsThatHoldNothing() {
        Watch.Mark mark = watch.mark();
        mark.begin(0, 0);
        try {
            return process.mappingsThatHoldNothing(mark::goesOn);
        } finally {
            mark.end();
        }
    }

    @Override
    public long read(long address, MemorySegment destination) {
        Vectors vectors = take();
        try {
            if (destination.isNative()) {
                return read(vectors, address, destination, 0, destination.byteSize());
            }
            long wanted = destination.byteSize();
            long done = 0;
            while (done < wanted) {
                MemorySegment bounce = vectors.bounce();
                long part = Math.min(wanted - done, BOUNCE_SIZE);
                long got = read(vectors, address + done, bounce, 0, part);
                MemorySegment.copy(bounce, 0, destination, done, got);
                done += got;
                if (got < part) {
                    break;
                }
            }
            return done;
        } finally {
            spare.set(vectors);
        }
    }

    /**
     * Reads until all is there or a byte can't be read.
     *
     * @param vectors the caller's own
     * @param address target address
     * @param destination native memory
     * @param at where in it
     * @param wanted how many bytes
     * @return how many were read; the byte behind them can't be read if that is less than wanted
     */
    long read(Vectors vectors, long address, MemorySegment destination, long at, long wanted) {
        checkOpen();
        if (kernelHalf(address)) {
            return 0;
        }
        long done = 0;
        while (done < wanted && !kernelHalf(address + done)) {
            long got = throughFile
                    ? readFile(address + done, destination, at + done, wanted - done)
                    : readProcess(vectors, address + done, destination, at + done, wanted - done);
            // A short answer may have other reasons than a hole: only an empty one tells.
            if (got == 0) {
                break;
            }
            done += Math.max(got, 0);
        }
        return done;
    }

    /** No process can read there; told apart at once, so that no sum of an address and a length wraps. */
    private static boolean kernelHalf(long address) {
        return address < 0;
    }

    private long readProcess(Vectors vectors, long address, MemorySegment destination, long at, long length) {
        Vectors.set(vectors.local, 0, destination.address() + at, length);
        Vectors.set(vectors.remote, 0, address, length);
        try {
            return call(vectors, 1, address, length);
        } finally {
            Reference.reachabilityFence(destination);
        }
    }

    /** Returns the bytes read, 0 if the first one can't be, {@link #REFUSED} if the file is to be used from now on. */
    private long call(Vectors vectors, int count, long address, long length) {
        while (true) {
            checkOpen();
            int tid = process.memoryThread();
            vectors.mark.begin(address, length);
            long got = libc.processVmReadv(tid, vectors.local, 1, vectors.remote, count);
            vectors.mark.end();
            if (closed) {
                // It may have been let go meanwhile, and stand still no more.
                checkOpen();
            }
            if (got >= 0) {
                return got;
            }
            switch ((int) -got) {
                case Errno.EINTR -> {
                    // Again.
                }
                case Errno.EFAULT -> {
                    return 0;
                }
                case Errno.ESRCH -> process.threadEnded(tid);
                case Errno.EPERM, Errno.ENOSYS -> {
                    openFile((int) -got);
                    return REFUSED;
                }
                default ->
                    throw new ErrnoException(
                            "process_vm_readv",
                            (int) -got,
                            Errno.name((int) -got),
                            "%d bytes at 0x%x of %s".formatted(length, address, process.description()));
            }
        }
    }

    private void openFile(int refusal) {
        fileLock.lock();
        try {
            if (file != NOT_OPEN) {
                return;
            }
            checkOpen();
            int fd;
            do {
                fd = libc.open(process.memoryFile().toString(), Libc.O_RDONLY | Libc.O_CLOEXEC);
            } while (fd == -Errno.EINTR);
            if (fd < 0) {
                throw switch (-fd) {
                    case Errno.ENOENT, Errno.ESRCH -> process.ended();
                    case Errno.EACCES, Errno.EPERM ->
                        new PermissionDeniedException(
                                process.proc().refused(process.pid(), "read the memory of process " + process.pid()));
                    default ->
                        new ErrnoException(
                                "open",
                                -fd,
                                Errno.name(-fd),
                                "%s, as process_vm_readv on %s failed with %s,"
                                        .formatted(process.memoryFile(), process.description(), Errno.name(refusal)));
                };
            }
            file = fd;
            throughFile = true;
        } finally {
            fileLock.unlock();
        }
    }

    private long readFile(long address, MemorySegment destination, long at, long length) {
        // Unlike process_vm_readv the file shows what the process itself may not read.
        long limit = kernelHalf(address + length) ? Long.MAX_VALUE : address + length;
        long end = mappings.readableEnd(address, limit);
        if (end == address && !stopped) {
            refresh();
            end = mappings.readableEnd(address, limit);
        }
        if (end == address) {
            return 0;
        }
        // A slice is an object, and nearly always the first read gives all.
        MemorySegment rest = at == 0 ? destination : destination.asSlice(at);
        while (true) {
            long got;
            fileLock.lock();
            try {
                checkOpen();
                fileMark.begin(address, end - address);
                got = libc.pread(file, rest, end - address, address);
                fileMark.end();
                checkOpen();
            } finally {
                fileLock.unlock();
            }
            if (got > 0) {
                return got;
            }
            switch ((int) -got) {
                // The address space is gone: that file has no other end.
                case 0, Errno.ESRCH -> throw process.ended();
                case Errno.EINTR -> {
                    // Again.
                }
                case Errno.EIO, Errno.EFAULT -> {
                    return 0;
                }
                default ->
                    throw new ErrnoException(
                            "pread",
                            (int) -got,
                            Errno.name((int) -got),
                            "%d bytes at 0x%x of %s".formatted(length, address, process.description()));
            }
        }
    }

    /**
     * Reads pieces of one length that lie at equal distances, in one system call, as far as the kernel gives them at
     * once.
     *
     * @param vectors the caller's own
     * @param address target address of the first piece
     * @param distance from the beginning of a piece to that of the next, in bytes, at least {@code length}
     * @param limit the target address behind the last byte of interest
     * @param destination native memory with room for all, which come to lie one behind the other
     * @param length of a piece, in bytes
     * @param count how many pieces, up to {@link Libc#IOV_MAX}
     * @return how many were read as a whole; 0 too where memory is read through the file, which takes a call for each
     */
    int readEvery(
            Vectors vectors,
            long address,
            long distance,
            long limit,
            MemorySegment destination,
            long length,
            int count) {
        checkOpen();
        long end = mappings.readableEnd(address, Math.min(address + distance * count, limit));
        long within = end - address < length ? 0 : 1 + (end - address - length) / distance;
        int pieces = (int) Math.min(count, within);
        if (pieces == 0 || throughFile) {
            return 0;
        }
        Vectors.set(vectors.local, 0, destination.address(), pieces * length);
        for (int i = 0; i < pieces; i++) {
            Vectors.set(vectors.remote, i, address + i * distance, length);
        }
        try {
            long span = (pieces - 1) * distance + length;
            return (int) (Math.max(0, call(vectors, pieces, address, span)) / length);
        } finally {
            Reference.reachabilityFence(destination);
        }
    }

    @Override
    public void readRanges(long[] addresses, long[] lengths, int count, MemorySegment destination, long[] read) {
        long total = 0;
        for (int i = 0; i < count; i++) {
            if (lengths[i] < 0) {
                throw new IllegalArgumentException("range " + i + " has a length of " + lengths[i]);
            }
            total = Math.addExact(total, lengths[i]);
            read[i] = 0;
        }
        if (total > destination.byteSize()) {
            throw new IllegalArgumentException(
                    "ranges of %d bytes don't fit into %d".formatted(total, destination.byteSize()));
        }
        if (!destination.isNative()) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment copy = arena.allocate(total);
                readRanges(addresses, lengths, count, copy, read);
                long at = 0;
                for (int i = 0; i < count; i++) {
                    MemorySegment.copy(copy, at, destination, at, read[i]);
                    at += lengths[i];
                }
            }
            return;
        }
        Vectors vectors = take();
        try {
            readRanges(vectors, addresses, lengths, count, destination, read);
        } finally {
            Reference.reachabilityFence(destination);
            spare.set(vectors);
        }
    }

    private void readRanges(
            Vectors vectors, long[] addresses, long[] lengths, int count, MemorySegment destination, long[] read) {
        int next = 0;
        long at = 0;
        while (next < count) {
            checkOpen();
            if (throughFile || kernelHalf(addresses[next] + read[next])) {
                read[next] += read(
                        vectors,
                        addresses[next] + read[next],
                        destination,
                        at + read[next],
                        lengths[next] - read[next]);
                at += lengths[next++];
                continue;
            }
            // The ranges lie one behind the other at home, so one local vector takes them all.
            int ranges = 0;
            long wanted = 0;
            while (next + ranges < count && ranges < Libc.IOV_MAX && !kernelHalf(addresses[next + ranges])) {
                int i = next + ranges;
                Vectors.set(vectors.remote, ranges, addresses[i] + read[i], lengths[i] - read[i]);
                wanted += lengths[i] - read[i];
                ranges++;
            }
            Vectors.set(vectors.local, 0, destination.address() + at + read[next], wanted);
            long got = wanted == 0 ? 0 : call(vectors, ranges, addresses[next], span(addresses, lengths, next, ranges));
            if (got == REFUSED) {
                continue;
            }
            boolean any = got > 0;
            long left = got;
            int last = next + ranges;
            while (next < last && left >= lengths[next] - read[next]) {
                left -= lengths[next] - read[next];
                read[next] = lengths[next];
                at += lengths[next++];
            }
            if (next < last) {
                read[next] += left;
                if (!any) {
                    // Asked again right at this byte, the kernel gave nothing: here is the hole.
                    at += lengths[next++];
                }
            }
        }
    }

    /** How far ranges reach from the first one on, which is what a message names if a read of them hangs. */
    private static long span(long[] addresses, long[] lengths, int first, int count) {
        int last = first + count - 1;
        return Math.max(lengths[first], addresses[last] + lengths[last] - addresses[first]);
    }

    /**
     * Has every later read fail, as the process is let go.
     *
     * @param why what to say
     */
    void lose(TargetException why) {
        lost = why;
        closed = true;
    }

    /** Throws if the process was let go before it was closed. */
    void checkNotLost() {
        TargetException why = lost;
        if (why != null) {
            throw new TargetException(why.reason(), why.getMessage(), why);
        }
    }

    private void checkOpen() {
        if (closed) {
            checkNotLost();
            throw new IllegalStateException(process.description() + " is closed: it can't be read any more");
        }
    }

    void close() {
        closed = true;
        while (!fileLock.tryLock()) {
            if (lost != null) {
                // A read hangs in one of the files.
                return;
            }
            LockSupport.parkNanos(this, 100_000);
        }
        try {
            if (file != NOT_OPEN) {
                libc.close(file);
                file = NOT_OPEN;
            }
            if (pageMap >= 0) {
                libc.close(pageMap);
                pageMap = NOT_OPEN;
            }
        } finally {
            fileLock.unlock();
        }
    }
}
