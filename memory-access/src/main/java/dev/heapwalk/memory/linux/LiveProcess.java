// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.MemoryCounts;
import dev.heapwalk.memory.NoSuchProcessException;
import dev.heapwalk.memory.Proportions;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.memory.core.ProcessNotes;
import dev.heapwalk.memory.elf.AuxiliaryVector;
import dev.heapwalk.memory.elf.FileGuard;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** One process as {@code /proc} shows it: that it is one that can be read, and that it is still the same. */
final class LiveProcess implements FileGuard {
    private static final int MAX_PID = 1 << 22;

    private final ProcFs proc;
    private final int pid;
    private final String name;
    private final String description;
    private final long startTime;
    private final MapsFile maps;
    private final Family family;
    /** What short files are read into, under its own lock. */
    private final ProcText text = new ProcText();

    /** On which file systems that may not answer files lie that are mapped or were looked for, by their paths. */
    private final Map<String, Optional<String>> mayHang = new ConcurrentHashMap<>();

    private final Set<String> left = ConcurrentHashMap.newKeySet();
    private volatile Mounts mounts;
    private volatile Mounts ownMounts;
    private volatile int memoryThread;
    private volatile Machine machine;
    private volatile int pageSize;

    /**
     * Looks a process up.
     *
     * @param proc the file system
     * @param pid the process id as given
     * @throws NoSuchProcessException if there is none
     * @throws UnsupportedTargetException if it is a zombie, a kernel thread or a thread
     */
    LiveProcess(ProcFs proc, long pid) {
        this(proc, pid, "process %d (%s)");
    }

    private LiveProcess(ProcFs proc, long pid, String description) {
        if (pid < 1 || pid > MAX_PID) {
            throw new NoSuchProcessException(
                    "there is no process %d: process ids run from 1 to %d".formatted(pid, MAX_PID));
        }
        this.proc = proc;
        this.pid = (int) pid;
        ProcFs.Status status = proc.status(pid);
        if (status.group() != pid) {
            throw new UnsupportedTargetException("%d is a thread of process %d (%s): name the process"
                    .formatted(pid, status.group(), Text.printable(status.name())));
        }
        this.name = proc.threadName(pid, pid, text);
        this.description = description.formatted(pid, Text.printable(name));
        this.startTime = proc.startTime(pid, text);
        this.maps = new MapsFile(proc, pid);
        this.family = new Family(proc, pid);
        this.memoryThread = (int) pid;
        if (!status.hasMemory()) {
            // A first thread that called pthread_exit has no memory of its own any more; its process may live on.
            int other = findMemoryThread();
            if (other == 0 && status.ended()) {
                throw new UnsupportedTargetException(
                        "process %d (%s) is a zombie: it has ended and its memory is gone; only its parent, process %d, can remove it"
                                .formatted(pid, Text.printable(name), status.parent()));
            }
            if (other == 0) {
                throw new UnsupportedTargetException(
                        "process %d (%s) is a kernel thread: it has no memory of its own; name a user process"
                                .formatted(pid, Text.printable(name)));
            }
            this.memoryThread = other;
        }
    }

    /** Asks what needs the permission to look into the process. */
    void identify() {
        Optional<Machine> named = proc.machine(pid, memoryThread);
        machine = named.orElse(Machine.OTHER);
        pageSize = proc.pageSize(pid, memoryThread, machine.wordSize());
    }

    /**
     * Finds the machine in memory, if the program's file could not be opened.
     *
     * @param memory the process's memory
     */
    void identify(LiveMemory memory) {
        if (machine != Machine.OTHER) {
            return;
        }
        for (Mapping mapping : memory.mappings()) {
            if (mapping.readable() && mapping.fileOffset() == 0 && !mapping.anonymous()) {
                byte[] header = new byte[20];
                memory.read(mapping.start(), MemorySegment.ofArray(header));
                Optional<Machine> found = ProcFs.machine(header);
                if (found.isPresent()) {
                    machine = found.get();
                    pageSize = proc.pageSize(pid, memoryThread, machine.wordSize());
                    return;
                }
            }
        }
    }

    /** Refuses what must not or can't be stopped. */
    void checkStoppable() {
        long own = ProcessHandle.current().pid();
        if (pid == own) {
            throw new UnsupportedTargetException(
                    TargetException.Reason.OWN_PROCESS,
                    description() + " is this JVM, which can't stop itself and go on reading: observe it instead");
        }
        if (proc.status(pid).parent() == own) {
            throw new UnsupportedTargetException(
                    TargetException.Reason.OWN_PROCESS,
                    description()
                            + " is a child of this JVM, and the JDK, which waits for its children, would take the stop for the"
                            + " child's end: start it by another process, such as a shell, or observe it");
        }
    }

    private int findMemoryThread() {
        for (long tid : proc.threads(pid)) {
            try {
                if (proc.status(pid, tid).hasMemory()) {
                    return (int) tid;
                }
            } catch (NoSuchProcessException e) {
                // It ended since it was listed.
            }
        }
        return 0;
    }

    ProcFs proc() {
        return proc;
    }

    int pid() {
        return pid;
    }

    Machine machine() {
        return machine;
    }

    int pageSize() {
        return pageSize;
    }

    /** A thread that has not ended, as far as is known: the kernel finds memory through no other. */
    int memoryThread() {
        return memoryThread;
    }

    Path memoryFile() {
        return proc.thread(pid, memoryThread).resolve("mem");
    }

    Path pageMapFile() {
        return proc.thread(pid, memoryThread).resolve("pagemap");
    }

    /** The kernel's own link to the file of a mapping. */
    Path mappedFile(Mapping mapping) {
        return proc.mappedFile(memoryThread, mapping);
    }

    /**
     * Whether a file is the one that is mapped by a path.
     *
     * @param path as the mappings tell it
     * @param device of a file, as {@code st_dev} has it
     * @param inode of that file
     */
    boolean isMapped(String path, long device, long inode) {
        return maps.isMapped(path, Mounts.device(device), inode);
    }

    Path root() {
        return proc.root(pid, memoryThread);
    }

    /** What the kernel told the program when it started. */
    AuxiliaryVector auxiliary() {
        return AuxiliaryVector.parse(MemorySegment.ofArray(auxiliaryBytes()), machine);
    }

    /** The same as it is in memory. */
    byte[] auxiliaryBytes() {
        return proc.read(pid, proc.thread(pid, memoryThread).resolve("auxv"));
    }

    /** What a core tells of it. */
    ProcessNotes.Process facts() {
        return proc.facts(pid, memoryThread, name);
    }

    /** Which of its mappings are in a core. */
    ProcFs.Dumped dumped(Runnable progress) {
        return proc.dumped(pid, memoryThread, progress);
    }

    /** What the process wants in a core. */
    int coreFilter() {
        return proc.coreFilter(pid);
    }

    /**
     * Looks for another thread to find memory through.
     *
     * @param tid the one that has ended
     * @throws NoSuchProcessException if there is none
     */
    void threadEnded(int tid) {
        int other;
        try {
            checkSame();
            other = findMemoryThread();
        } catch (NoSuchProcessException e) {
            throw ended();
        }
        if (other == 0 || other == tid) {
            throw ended();
        }
        memoryThread = other;
    }

    /** Checks that the id has not gone to another process. */
    void checkSame() {
        synchronized (text) {
            if (proc.startTime(pid, text) != startTime) {
                throw ended();
            }
        }
    }

    NoSuchProcessException ended() {
        return new NoSuchProcessException(description() + " ended while it was read");
    }

    /**
     * Lists what is mapped.
     *
     * @param progress called after each part
     * @return the mappings as they are now; the same object as at the last call if nothing has changed
     */
    Mappings mappings(Runnable progress) {
        while (true) {
            int tid = memoryThread;
            try {
                Mappings found = maps.read(tid, progress);
                if (!found.list().isEmpty()) {
                    return found;
                }
            } catch (NoSuchProcessException e) {
                // The thread or all of them; threadEnded tells.
            }
            threadEnded(tid);
        }
    }

    /**
     * Looks for mappings that hold nothing.
     *
     * @param progress called after each part
     * @return where they begin; none if the kernel does not tell
     */
    Set<Long> mappingsThatHoldNothing(Runnable progress) {
        return proc.mappingsThatHoldNothing(pid, memoryThread, progress);
    }

    /** Where the mappings begin in which a server brings missing pages. */
    Set<Long> servedMappings(Runnable progress) {
        return proc.servedMappings(pid, memoryThread, progress);
    }

    /** Where the mappings begin that are zeros in a child. */
    Set<Long> wipedMappings(Runnable progress) {
        return proc.wipedMappings(pid, memoryThread, progress);
    }

    /** Where the mappings begin whose pages the kernel may drop at any time. */
    Set<Long> droppableMappings(Runnable progress) {
        return proc.droppableMappings(pid, memoryThread, progress);
    }

    /** The mappings that are locked in memory. */
    List<Range> lockedMappings(Runnable progress) {
        return proc.lockedMappings(pid, memoryThread, progress);
    }

    /** The mappings of hugetlbfs. */
    List<Range> hugeMappings(Runnable progress) {
        return proc.hugeMappings(pid, memoryThread, progress);
    }

    /** Whether it shares pages of its own with processes of its family. */
    boolean sharesItsOwn() {
        return family.sharesPages(memoryThread);
    }

    /** How much of what is in memory falls to it where it shares that; empty if the kernel does not tell. */
    Optional<Proportions> proportions(Runnable progress) {
        return proc.proportions(pid, memoryThread, progress);
    }

    /** What the kernel counts of its memory; empty if it does not tell. */
    Optional<MemoryCounts> counts() {
        return proc.counts(pid, memoryThread);
    }

    /** Whether a mapped file lies on a file system that may not answer. */
    boolean mayHang(Mapping mapping) {
        String path = mapping.path();
        if (!path.startsWith("/")) {
            return false;
        }
        Optional<String> known = mayHang.get(path);
        if (known == null) {
            known = mounts().mayHang(path, maps.device(path), ownMounts());
            mayHang.put(path, known);
        }
        return known.isPresent();
    }

    @Override
    public Optional<String> mayHang(String path) {
        return mounts().mayHang(path);
    }

    @Override
    public Optional<String> mayHangHere(String path) {
        return ownMounts().mayHang(path);
    }

    private Mounts mounts() {
        Mounts known = mounts;
        if (known == null) {
            known = proc.mounts(pid, memoryThread);
            mounts = known;
        }
        return known;
    }

    private Mounts ownMounts() {
        Mounts known = ownMounts;
        if (known == null) {
            known = proc.mounts();
            ownMounts = known;
        }
        return known;
    }

    /** Notes that a part of a mapped file was wanted and not read. */
    void leave(Mapping mapping) {
        left.add(mapping.path());
    }

    /** What was left out since a file system may not answer, a line for each file. */
    List<String> notices() {
        List<String> lines = new ArrayList<>();
        for (String path : left) {
            lines.add(
                    "parts of %s were not read: they are not in memory, and lie on a file system (%s) that may not answer"
                            .formatted(Text.printable(path), mayHang.get(path).orElse("unknown")));
        }
        lines.sort(null);
        return List.copyOf(lines);
    }

    /** Where in a mapping its file ends: nothing behind that can be read. */
    long endOfFile(Mapping mapping) {
        return mayHang(mapping) ? mapping.end() : proc.endOfFile(memoryThread, mapping, pageSize);
    }

    /** The threads that have not ended. */
    List<Long> threads() {
        List<Long> alive = new ArrayList<>();
        synchronized (text) {
            for (Long tid : proc.threads(pid)) {
                try {
                    if (!proc.ended(pid, tid, text)) {
                        alive.add(tid);
                    }
                } catch (NoSuchProcessException e) {
                    // It ended since it was listed.
                }
            }
        }
        return alive;
    }

    /** The id of a thread in the process's own namespace; that of this one where it can't be told. */
    long tidInside(long tid) {
        try {
            synchronized (text) {
                return proc.tidInside(pid, tid, text);
            }
        } catch (TargetException e) {
            return tid;
        }
    }

    String threadName(long tid) {
        try {
            synchronized (text) {
                return proc.threadName(pid, tid, text);
            }
        } catch (TargetException e) {
            return "";
        }
    }

    String description() {
        return description;
    }

    /** Copies that it was made to fork and that are dead, but not forgotten, by their ids inside. */
    List<Long> deadCopies() {
        List<Long> dead = new ArrayList<>();
        synchronized (text) {
            for (Long child : proc.children(pid)) {
                try {
                    if (proc.isDeadCopy(child)) {
                        dead.add(proc.tidInside(child, child, text));
                    }
                } catch (TargetException e) {
                    // It is forgotten meanwhile, or nobody may know what it is.
                }
            }
        }
        return dead;
    }

    /**
     * A copy that it has forked.
     *
     * @param copy its id
     * @return the copy, which names itself as such
     */
    LiveProcess copied(long copy) {
        return new LiveProcess(proc, copy, "the copy %%d of %s".formatted(description.replace("%", "%%")));
    }
}
