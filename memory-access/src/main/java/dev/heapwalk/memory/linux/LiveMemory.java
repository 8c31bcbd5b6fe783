// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.ErrnoException;
import dev.heapwalk.memory.Extents;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.MemoryCounts;
import dev.heapwalk.memory.PermissionDeniedException;
import dev.heapwalk.memory.Proportions;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Ranges;
import dev.heapwalk.memory.Residency;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.TouchedPages;
import dev.heapwalk.memory.Window;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;

/**
 * The memory of a process, read with {@code process_vm_readv}, or through {@code /proc/PID/mem} where that call is
 * refused or missing, or would copy pages that the process shares with its family.
 */
final class LiveMemory implements AddressSpace {
    private static final long IOVEC_SIZE = 16;
    private static final int BOUNCE_SIZE = 1 << 18;
    private static final int NOT_OPEN = -1;
    private static final int NOT_TO_BE_HAD = -2;
    private static final long REFUSED = -1;
    /** How long it is believed that a process that runs on has no server of page faults, and no family. */
    private static final long SERVERS_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** Runs of pages that one call reads at most, with what is not read between them. */
    private static final int MOST_RUNS = 128;

    private static final MemorySegment ZEROS = Arena.global().allocate(1 << 16, 8);

    /** Worth the question whether the file of a mapping reaches so far, in bytes. */
    private static final long LARGE = 64 << 20;

    private final Libc libc;
    private final LiveProcess process;
    /** Whether it stands still. */
    private volatile boolean stopped;

    private volatile long stoppedSince;

    private final AtomicReference<Vectors> spare = new AtomicReference<>();
    private final ReentrantLock fileLock = new ReentrantLock();
    private final MappedFiles mappedFiles;
    private final Watch watch;
    private final Watch.Mark fileMark;
    private volatile Mappings mappings;
    private volatile long endOfMappings;
    private volatile boolean closed;
    /** Why the process was let go before it was closed, null if it was not. */
    private volatile TargetException lost;

    private volatile boolean throughFile;
    private int file = NOT_OPEN;
    private volatile int pageMap = NOT_OPEN;
    /** Page maps of programs that the process was before. */
    private final List<Integer> oldPageMaps = new ArrayList<>();

    private final AtomicInteger pageMapUsers = new AtomicInteger();
    private volatile boolean scansPageMap = true;
    /** Where the mappings begin in which a server brings missing pages. */
    private volatile Set<Long> served = Set.of();

    private volatile long lookedForServers;
    private volatile long lookedForFamily;
    private final AtomicLong swappedIn = new AtomicLong();
    private volatile boolean leftSwapped;
    /** What it lacks, if it is that of a forked copy. */
    private volatile Optional<CopyGaps> gaps = Optional.empty();
    /** The memory of the process that forked it, if it is that of a copy; else null. */
    private volatile LiveMemory origin;

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
        this.mappedFiles = new MappedFiles(libc, process);
        this.watch = watch;
        this.fileMark = watch.mark();
    }

    /**
     * Reads a little in the way in which memory is read, so that what this takes is loaded.
     *
     * @param libc the C library
     * @param own the id of this process
     */
    static void prepare(Libc libc, int own) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment to = arena.allocate(8, 8);
            libc.processVmReadv(own, vector(arena, to), 1, vector(arena, ZEROS), 1);
        }
        libc.gettid();
    }

    /** An {@code iovec} of the first 8 bytes of a segment. */
    private static MemorySegment vector(Arena arena, MemorySegment memory) {
        MemorySegment vector = arena.allocate(IOVEC_SIZE, 8);
        vector.set(JAVA_LONG, 0, memory.address());
        vector.set(JAVA_LONG, 8, 8);
        return vector;
    }

    /** Looks at the process for the first time. */
    void open() {
        set(list());
        lookForServers();
        lookForFamily();
        probe();
    }

    /**
     * Looks at a copy for the first time, which shares all that it has with the process that forked it: so it is read
     * through the file, which leaves pages shared.
     *
     * @param lacking is told what is wanted and not there
     * @param forked the memory of the process that forked it, not looked at yet; it is closed with this
     */
    void openCopy(CopyGaps lacking, LiveMemory forked) {
        gaps = Optional.of(lacking);
        origin = forked;
        set(list());
        openFile(0);
    }

    /** Looks at it only to ask what it has in memory. */
    synchronized void openToAsk() {
        if (mappings == null) {
            set(list());
        }
    }

    /** Notes all that a copy lacks. */
    void noteGaps() {
        gaps.ifPresent(lacking -> lacking.all(mappings));
    }

    /** The process stands still from now on: what is known of it now holds. */
    void standsStill() {
        stoppedSince = System.nanoTime();
        stopped = true;
    }

    /** It runs on, and what is known of it may be out of date. */
    void runsOn() {
        stopped = false;
    }

    private void set(Mappings now) {
        List<Mapping> all = now.list();
        int last = all.size() - 1;
        while (last > 0 && kernelHalf(all.get(last).start())) {
            last--;
        }
        endOfMappings = all.get(last).end();
        mappings = now;
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
        Vectors vectors = take();
        try {
            for (Mapping mapping : mappings) {
                // The vsyscall page lies in the kernel's half and can't be read from outside.
                if (mapping.readable()
                        && mapping.start() >= 0
                        && vectors.presence.atHand(mapping.start())
                        && read(vectors, mapping.start(), vectors.bounce(), 0, 1) == 1) {
                    return;
                }
            }
        } finally {
            spare.set(vectors);
        }
    }

    /** What a call needs besides the destination; kept, so that a read allocates nothing. */
    static final class Vectors {
        private final SegmentAllocator memory;
        private final MemorySegment local;
        private final MemorySegment remote;
        private final Watch.Mark mark;
        private final Presence presence;
        /** Where the runs begin and end that the next call reads, counted from where the read begins. */
        private final long[] starts = new long[MOST_RUNS];

        private final long[] ends = new long[MOST_RUNS];
        /** How far the read will be done with them. */
        private long planned;

        /** Whether nothing behind that is to be read. */
        private boolean planEnds;

        private boolean swapped;
        /** Whether what is swapped out is not even read where it was asked for. */
        private boolean leavesSwapped;

        private MemorySegment bounce;

        private Vectors(SegmentAllocator memory, Watch.Mark mark, Presence presence) {
            this.mark = mark;
            this.presence = presence;
            this.memory = memory;
            this.local = memory.allocate(IOVEC_SIZE * MOST_RUNS, Long.BYTES);
            this.remote = memory.allocate(IOVEC_SIZE * Libc.IOV_MAX, Long.BYTES);
        }

        /** Has nothing brought back from swap. */
        void leaveSwapped() {
            leavesSwapped = true;
        }

        /** What is at hand may have changed since. */
        void forget() {
            presence.forget();
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
        Watch.Mark mark = watch.mark();
        return new Vectors(from, mark, new Presence(this, mark, from));
    }

    boolean stopped() {
        return stopped;
    }

    /** Since when it stands still, as {@link System#nanoTime()} tells. */
    long stoppedSince() {
        return stoppedSince;
    }

    /** The address behind the last mapping, but for that in the kernel's half. */
    long endOfMappings() {
        return endOfMappings;
    }

    @Override
    public long swappedIn() {
        return swappedIn.get();
    }

    /** What it means that a page of a mapping is neither in memory nor swapped out: one of {@link Presence}'s kinds. */
    int kindOfAbsent(Mapping mapping) {
        if (!mapping.readable()) {
            return Presence.READ;
        }
        gaps.ifPresent(lacking -> lacking.absent(mapping));
        if (PageMap.isPrivateMemory(mapping)) {
            return served.contains(mapping.start()) ? Presence.IF_ASKED : Presence.ZEROS;
        }
        if (process.mayHang(mapping)) {
            return Presence.REFUSED;
        }
        if (mapping.shared()) {
            return Presence.IF_ASKED;
        }
        return MappedFiles.isFile(mapping) ? Presence.IN_FILE : Presence.READ;
    }

    /** What was not read since it may never come, a line for each file, or since it is swapped out. */
    List<String> notices() {
        List<String> all = new ArrayList<>(process.notices());
        if (gaps.isPresent() && !closed) {
            all.addAll(gaps.get().notices(touched()));
        }
        if (leftSwapped) {
            all.add("contents that are swapped out were not looked at, since that would bring them back into memory: "
                    + "blocks there are told by their size alone");
        }
        return List.copyOf(all);
    }

    private void lookForServers() {
        served = watched(process::servedMappings);
        lookedForServers = System.nanoTime();
    }

    /**
     * A page that a process shares since a fork is copied for it by {@code process_vm_readv}, since Linux 5.17, even
     * though that only reads: the call pins pages. To read {@code /proc/PID/mem} leaves them shared.
     */
    private void lookForFamily() {
        if (!throughFile && watched(_ -> process.sharesItsOwn())) {
            try {
                openFile(0);
            } catch (TargetException e) {
                // Then it can be read in one way only.
            }
        }
        lookedForFamily = System.nanoTime();
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
            if (System.nanoTime() - lookedForFamily > SERVERS_NANOS) {
                lookForFamily();
            }
            Mappings before = mappings;
            Mappings now = list();
            if (now != before) {
                set(now);
                checkPageMap();
                if (!served.isEmpty() || System.nanoTime() - lookedForServers > SERVERS_NANOS) {
                    lookForServers();
                }
            }
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
    public Window residentWindow() {
        checkOpen();
        MovingSource source = new MovingSource(this, Ranges.NONE);
        source.leaveSwapped();
        return new Window(source);
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

    @Override
    public Extents extents() {
        checkOpen();
        return gaps.isPresent() ? new ForkedExtents(this, gaps.get(), origin) : new LiveExtents(this);
    }

    @Override
    public Optional<Residency> residency() {
        checkOpen();
        return ResidencyReader.read(
                this, ranges(watched(process::lockedMappings)), ranges(watched(process::hugeMappings)));
    }

    @Override
    public Optional<MemoryCounts> counts() {
        checkOpen();
        return watched(_ -> process.counts());
    }

    @Override
    public Optional<Proportions> proportions() {
        checkOpen();
        return watched(process::proportions);
    }

    private static Ranges ranges(List<Range> list) {
        return Ranges.exactly(
                list.stream().mapToLong(Range::start).toArray(),
                list.stream().mapToLong(Range::end).toArray());
    }

    /** Asks for a file that may take long, which is told of its progress. */
    <T> T watched(Function<Runnable, T> ask) {
        Watch.Mark mark = watch.mark();
        mark.begin(0, 0);
        try {
            return ask.apply(mark::goesOn);
        } finally {
            mark.end();
        }
    }

    /** Whether the kernel tells which pages are there. */
    boolean hasPageMap() {
        return pageMap() >= 0;
    }

    /** Whether the kernel tells of runs of pages, as far as is known. */
    boolean scansPageMap() {
        return scansPageMap;
    }

    /** The kernel does not tell of runs of pages. */
    void dontScanPageMap() {
        scansPageMap = false;
    }

    /** A new mark, watched as long as somebody has it. */
    Watch.Mark mark() {
        return watch.mark();
    }

    /**
     * Reads {@code /proc/PID/pagemap}.
     *
     * @param mark the caller's own
     * @param page number of the first page
     * @param words native memory for a word of each page
     * @param count how many pages
     * @return how many words were read, 0 where the kernel does not tell
     */
    long readPageMap(Watch.Mark mark, long page, MemorySegment words, long count) {
        pageMapUsers.incrementAndGet();
        try {
            int open = pageMap();
            if (open < 0) {
                return 0;
            }
            mark.begin(page * pageSize(), count * pageSize());
            long got = libc.pread(open, words, count * Long.BYTES, page * Long.BYTES);
            mark.end();
            return Math.max(0, got) / Long.BYTES;
        } finally {
            pageMapUsers.decrementAndGet();
        }
    }

    /**
     * Asks {@code /proc/PID/pagemap} for runs of pages.
     *
     * @param mark the caller's own
     * @param argument a {@code struct pm_scan_arg}, whose {@code walk_end} is set
     * @return how many runs there are, or a negative error number
     */
    long scanPageMap(Watch.Mark mark, MemorySegment argument) {
        pageMapUsers.incrementAndGet();
        try {
            int open = pageMap();
            long found = open >= 0 ? -Errno.EINTR : -Errno.ENOSYS;
            while (found == -Errno.EINTR) {
                mark.begin(0, 0);
                found = libc.ioctl(open, Libc.PAGEMAP_SCAN, argument);
                mark.end();
            }
            return found;
        } finally {
            pageMapUsers.decrementAndGet();
        }
    }

    /** The descriptor of the page map, for one of its users; negative if there is none. */
    private int pageMap() {
        checkOpen();
        int open = pageMap;
        if (open == NOT_OPEN) {
            fileLock.lock();
            try {
                checkOpen();
                if (pageMap == NOT_OPEN) {
                    pageMap = openPageMap();
                }
                open = pageMap;
            } finally {
                fileLock.unlock();
            }
        }
        return open;
    }

    private int openPageMap() {
        int fd = libc.open(process.pageMapFile().toString(), Libc.O_RDONLY | Libc.O_CLOEXEC);
        return fd >= 0 ? fd : NOT_TO_BE_HAD;
    }

    /** A page map tells of the program that the process was when it was opened. */
    private void checkPageMap() {
        fileLock.lock();
        try {
            if (pageMap >= 0) {
                Vectors vectors = take();
                long page = mappings.list().getFirst().start() / pageSize();
                if (libc.pread(pageMap, vectors.local, Long.BYTES, page * Long.BYTES) == 0) {
                    oldPageMaps.add(pageMap);
                    pageMap = openPageMap();
                }
                spare.set(vectors);
            }
        } finally {
            fileLock.unlock();
        }
    }

    /** Where the mappings begin of which nothing is in memory or swapped out, as {@code smaps} tells. */
    Set<Long> mappingsThatHoldNothing() {
        return watched(process::mappingsThatHoldNothing);
    }

    @Override
    public long read(long address, MemorySegment destination) {
        Vectors vectors = take();
        vectors.forget();
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
        return read(vectors, address, destination, at, wanted, wanted);
    }

    /**
     * Reads what somebody asked for, and more behind it as far as that changes nothing in the process: what was never
     * touched is known to be zeros, and what was swapped out is not brought back.
     *
     * @param vectors the caller's own
     * @param address target address
     * @param destination native memory
     * @param at where in it
     * @param wanted how many bytes
     * @param asked how many of these were asked for
     * @return how many were read; if that is less than asked for, the byte behind them can't be read
     */
    long read(Vectors vectors, long address, MemorySegment destination, long at, long wanted, long asked) {
        checkOpen();
        if (kernelHalf(address)) {
            return 0;
        }
        long most = kernelHalf(address + wanted) ? Long.MAX_VALUE - address : wanted;
        long done = 0;
        while (done < most) {
            int runs = plan(vectors, address, destination, at, done, most, asked);
            if (runs == 0) {
                // Nothing but zeros, up to what is not to be read.
                return vectors.planned;
            }
            long got = throughFile
                    ? readFile(
                            address + vectors.starts[0],
                            destination,
                            at + vectors.starts[0],
                            vectors.ends[0] - vectors.starts[0])
                    : readProcess(vectors, runs, address, destination, at);
            // A short answer may have other reasons than a hole: only an empty one tells.
            if (got == 0) {
                return vectors.starts[0];
            }
            if (got > 0) {
                if (vectors.swapped) {
                    countSwapped(vectors, address + vectors.starts[0], got);
                }
                done = reached(vectors, runs, got);
                if (done == vectors.planned && vectors.planEnds) {
                    return done;
                }
            }
        }
        return done;
    }

    /**
     * Plans the next call: notes the runs that it is to read, and writes the zeros between them, and what lies in files.
     *
     * @return how many runs
     */
    private int plan(
            Vectors vectors, long address, MemorySegment destination, long at, long from, long most, long asked) {
        Presence presence = vectors.presence;
        int mostRuns = throughFile ? 1 : MOST_RUNS;
        int runs = 0;
        long next = from;
        vectors.planEnds = false;
        vectors.swapped = false;
        while (next < most) {
            int kind = presence.kind(address + next, address + most);
            if (kind == Presence.IF_ASKED && presence.swappedOut() && next < asked && runs == 0) {
                // Another reader may have brought it back.
                presence.askAgain(address + next);
                kind = presence.kind(address + next, address + most);
            }
            long until = Math.min(presence.end() - address, most);
            long ofFile = kind == Presence.IN_FILE
                    ? readMappedFile(vectors, address + next, destination, at + next, until - next)
                    : MappedFiles.NOT_TO_BE_HAD;
            if (kind == Presence.ZEROS) {
                writeZeros(destination, at + next, until - next);
            } else if (ofFile >= 0) {
                if (ofFile < until - next) {
                    next += ofFile;
                    vectors.planEnds = true;
                    break;
                }
            } else if (kind == Presence.REFUSED
                    || kind == Presence.IF_ASKED
                            && (next >= asked || vectors.leavesSwapped && presence.swappedOut() && runs == 0)) {
                if (kind == Presence.REFUSED && next < asked) {
                    mappings.at(address + next).ifPresent(process::leave);
                } else if (next < asked) {
                    leftSwapped = true;
                }
                vectors.planEnds = true;
                break;
            } else if (kind == Presence.IF_ASKED) {
                if (runs == 0) {
                    // No further than the last page that was asked for.
                    long page = pageSize();
                    until = Math.min(until, (address + asked + page - 1 & -page) - address);
                    vectors.swapped = presence.swappedOut();
                    runs = add(vectors, runs, next, until);
                    next = until;
                }
                break;
            } else if (runs > 0 && vectors.ends[runs - 1] == next) {
                vectors.ends[runs - 1] = until;
            } else if (runs == mostRuns) {
                break;
            } else {
                runs = add(vectors, runs, next, until);
            }
            next = until;
        }
        vectors.planned = next;
        return runs;
    }

    private long readMappedFile(Vectors vectors, long address, MemorySegment destination, long at, long length) {
        Mapping mapping = mappings.at(address).orElse(null);
        return mapping == null || address + length > mapping.end()
                ? MappedFiles.NOT_TO_BE_HAD
                : mappedFiles.read(vectors.mark, mapping, address, destination.asSlice(at), length);
    }

    private static int add(Vectors vectors, int runs, long start, long end) {
        vectors.starts[runs] = start;
        vectors.ends[runs] = end;
        return runs + 1;
    }

    private static void writeZeros(MemorySegment destination, long at, long length) {
        long done = 0;
        while (done < length) {
            long part = Math.min(length - done, ZEROS.byteSize());
            MemorySegment.copy(ZEROS, 0, destination, at + done, part);
            done += part;
        }
    }

    /** How far a call got. */
    private static long reached(Vectors vectors, int runs, long got) {
        long left = got;
        for (int i = 0; i < runs; i++) {
            long length = vectors.ends[i] - vectors.starts[i];
            if (left < length) {
                return vectors.starts[i] + left;
            }
            left -= length;
        }
        return vectors.planned;
    }

    private void countSwapped(Vectors vectors, long address, long length) {
        long page = pageSize();
        swappedIn.addAndGet((address + length + page - 1 & -page) - (address & -page));
        vectors.presence.askAgain(address);
    }

    /**
     * From where on memory can be read up to an address without a change to the process.
     *
     * @param vectors the caller's own
     * @param from the lowest target address of interest
     * @param address target address of what is wanted
     * @return an address from {@code from} on, up to the beginning of the page of {@code address}
     */
    long from(Vectors vectors, long from, long address) {
        Presence presence = vectors.presence;
        long start = from;
        long at = from;
        while (at < address) {
            int kind = presence.kind(at, address);
            at = presence.end();
            if (kind == Presence.IF_ASKED || kind == Presence.REFUSED) {
                start = Math.max(start, Math.min(at, address & -(long) pageSize()));
            }
        }
        return start;
    }

    /** Whether all of a range can be read without a change to the process. */
    private static boolean atHand(Vectors vectors, long address, long length) {
        long end = address + length;
        long at = address;
        while (at < end) {
            if (vectors.presence.kind(at, end) != Presence.READ) {
                return false;
            }
            at = vectors.presence.end();
        }
        return true;
    }

    /** No process can read there; told apart at once, so that no sum of an address and a length wraps. */
    private static boolean kernelHalf(long address) {
        return address < 0;
    }

    private long readProcess(Vectors vectors, int runs, long address, MemorySegment destination, long at) {
        long local = destination.address() + at;
        for (int i = 0; i < runs; i++) {
            long start = vectors.starts[i];
            long length = vectors.ends[i] - start;
            Vectors.set(vectors.local, i, local + start, length);
            Vectors.set(vectors.remote, i, address + start, length);
        }
        long first = vectors.starts[0];
        try {
            return call(vectors, runs, runs, address + first, vectors.ends[runs - 1] - first);
        } finally {
            Reference.reachabilityFence(destination);
        }
    }

    /** Returns the bytes read, 0 if the first one can't be, {@link #REFUSED} if the file is to be used from now on. */
    private long call(Vectors vectors, int places, int count, long address, long length) {
        while (true) {
            checkOpen();
            int tid = process.memoryThread();
            vectors.mark.begin(address, length);
            long got = libc.processVmReadv(tid, vectors.local, places, vectors.remote, count);
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

    /** A process that runs another program now has another address space, and so another file. */
    private boolean reopenFile() {
        fileLock.lock();
        try {
            checkOpen();
            int fd = libc.open(process.memoryFile().toString(), Libc.O_RDONLY | Libc.O_CLOEXEC);
            if (fd < 0) {
                return false;
            }
            libc.close(file);
            file = fd;
            return true;
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
            gaps.ifPresent(lacking -> lacking.unmapped(address));
            return 0;
        }
        // A slice is an object, and nearly always the first read gives all.
        MemorySegment rest = at == 0 ? destination : destination.asSlice(at);
        boolean reopened = false;
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
                case 0, Errno.ESRCH -> {
                    if (reopened || !reopenFile()) {
                        throw process.ended();
                    }
                    reopened = true;
                }
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
        int most = (int) Math.min(count, within);
        int pieces = 0;
        while (pieces < most && !throughFile && atHand(vectors, address + pieces * distance, length)) {
            pieces++;
        }
        if (pieces == 0) {
            return 0;
        }
        Vectors.set(vectors.local, 0, destination.address(), pieces * length);
        for (int i = 0; i < pieces; i++) {
            Vectors.set(vectors.remote, i, address + i * distance, length);
        }
        try {
            long span = (pieces - 1) * distance + length;
            return (int) (Math.max(0, call(vectors, 1, pieces, address, span)) / length);
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
        vectors.forget();
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
            long from = addresses[next] + read[next];
            if (throughFile || kernelHalf(from) || !atHand(vectors, from, lengths[next] - read[next])) {
                read[next] += read(vectors, from, destination, at + read[next], lengths[next] - read[next]);
                at += lengths[next++];
                continue;
            }
            // The ranges lie one behind the other at home, so one local vector takes them all.
            int ranges = 0;
            long wanted = 0;
            while (next + ranges < count && ranges < Libc.IOV_MAX && !kernelHalf(addresses[next + ranges])) {
                int i = next + ranges;
                if (ranges > 0 && !atHand(vectors, addresses[i], lengths[i])) {
                    break;
                }
                Vectors.set(vectors.remote, ranges, addresses[i] + read[i], lengths[i] - read[i]);
                wanted += lengths[i] - read[i];
                ranges++;
            }
            Vectors.set(vectors.local, 0, destination.address() + at + read[next], wanted);
            long got =
                    wanted == 0 ? 0 : call(vectors, 1, ranges, addresses[next], span(addresses, lengths, next, ranges));
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
        if (origin != null) {
            origin.close();
        }
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
            while (pageMapUsers.get() > 0) {
                if (lost != null) {
                    return;
                }
                LockSupport.parkNanos(this, 100_000);
            }
            if (pageMap >= 0) {
                libc.close(pageMap);
                pageMap = NOT_OPEN;
            }
            oldPageMaps.forEach(libc::close);
            oldPageMaps.clear();
        } finally {
            fileLock.unlock();
        }
    }
}
