// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.MemoryCounts;
import dev.heapwalk.memory.NoSuchProcessException;
import dev.heapwalk.memory.PermissionDeniedException;
import dev.heapwalk.memory.Proportions;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.core.ProcessNotes;
import dev.heapwalk.memory.machine.InjectedCall;
import dev.heapwalk.memory.raw.Words;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;

/**
 * What {@code /proc} tells about processes.
 *
 * @param folder where it is mounted
 * @param yama the file of the setting {@code kernel.yama.ptrace_scope}, which not every kernel has
 */
record ProcFs(Path folder, Path yama) {

    /** Room for most files of a process, in bytes. */
    private static final int SHORT_FILE = 1 << 10;

    /** The amounts of all mappings together. */
    private static final String ROLLUP = "smaps_rollup";

    /** A program of which nobody may know what it is. */
    static final String UNKNOWN = "?";

    /** For short files, of which nobody needs to know how far they are read. */
    private static final Runnable NOTHING = () -> {};

    /** The auxiliary vector's entry for the page size. */
    private static final int AT_PAGESZ = 6;

    /** The fields {@code exit_signal} and {@code exit_code} of {@code stat}, counted from the state on. */
    private static final int EXIT_SIGNAL = 35;

    private static final int EXIT_CODE = 49;

    /** The first bytes of an ELF file up to and with {@code e_machine}. */
    private static final int ELF_MACHINE_END = 20;

    /** Private memory, shared memory without a name, the first pages of programs, private huge pages: core(5). */
    private static final int USUAL_FILTER = 0x33;

    /**
     * That of this machine.
     *
     * @return the usual places
     */
    static ProcFs ofThisMachine() {
        return new ProcFs(Path.of("/proc"), Path.of("/proc/sys/kernel/yama/ptrace_scope"));
    }

    Path process(long pid) {
        return folder.resolve(Long.toString(pid));
    }

    /**
     * The folder of one thread. Files that concern memory are read there: those of the process itself tell nothing once
     * its first thread has ended.
     */
    Path thread(long pid, long tid) {
        return process(pid).resolve("task").resolve(Long.toString(tid));
    }

    /** Reads a file as a whole; its size is not known before. */
    byte[] read(long pid, Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            // Most are short, and a profiler reads some at each sample: readAllBytes() would take 16 KiB for each.
            byte[] bytes = new byte[SHORT_FILE];
            int length = 0;
            int got;
            while ((got = in.read(bytes, length, bytes.length - length)) > 0) {
                length += got;
                if (length == bytes.length) {
                    bytes = Arrays.copyOf(bytes, 4 * length);
                }
            }
            return Arrays.copyOf(bytes, length);
        } catch (IOException e) {
            throw failed(pid, file, e);
        }
    }

    /** Reads a file as a whole into a buffer that is used again, for what is asked for at each sample. */
    void read(long pid, Path file, ProcText into, Runnable progress) {
        try {
            into.read(file.toString(), progress);
        } catch (IOException e) {
            // A stream that is made of a name does not tell a refusal from a file that is not there; this one does.
            into.take(read(pid, file));
        }
    }

    private RuntimeException failed(long pid, Path file, IOException e) {
        if (!Files.exists(process(pid))) {
            return new NoSuchProcessException("there is no process " + pid + "; 'ps aux' lists those that there are");
        }
        // A file below the folder of a thread, whose thread has ended.
        if (!Files.exists(file.getParent())) {
            return new NoSuchProcessException("a thread of process " + pid + " ended while it was looked at");
        }
        if (e instanceof AccessDeniedException) {
            return new PermissionDeniedException(refused(pid, "read " + file));
        }
        if (ending(file.getParent())) {
            return new NoSuchProcessException("process " + pid + " ended while " + file + " was read");
        }
        return new TargetException("can't read " + file + ": " + e.getMessage(), e);
    }

    /** Whether a process or thread has no memory any more, so that the kernel shows nothing of it. */
    private static boolean ending(Path folder) {
        try {
            Status status = status(Files.readAllBytes(folder.resolve("status")));
            return status.ended() || !status.hasMemory();
        } catch (IOException e) {
            return !Files.exists(folder);
        }
    }

    /**
     * Says why the kernel may have refused, and what to do.
     *
     * @param pid the process
     * @param tried what was tried, as a verb
     * @return one line
     */
    String refused(long pid, String tried) {
        StringBuilder text = new StringBuilder("not permitted to " + tried + " (process " + pid);
        long own = -1;
        long owner = -1;
        try {
            own = status(ProcessHandle.current().pid()).uid();
            Status status = status(pid);
            owner = status.uid();
            text.append(", ").append(Text.printable(status.name()));
        } catch (TargetException e) {
            text.append(", of which nothing can be read");
        }
        text.append("): ");
        Optional<String> scope = yamaScope();
        if (own != owner) {
            text.append(
                    ("it belongs to user %d and this is user %d; become the same user or root, or get CAP_SYS_PTRACE"
                                    + " and CAP_DAC_READ_SEARCH")
                            .formatted(owner, own));
        } else {
            text.append("get CAP_SYS_PTRACE (as root has it)");
        }
        switch (scope.orElse("")) {
            case "" -> {
                if (own == owner) {
                    text.append("; a process that changed its user, or that forbade it by prctl, needs that");
                }
            }
            case "0" -> text.append("; ").append(yama).append(" is 0, so that is no hindrance");
            case "1" ->
                text.append("; ")
                        .append(yama)
                        .append(" is 1, so only a parent may look into its descendants: root can set it to 0");
            case "2" ->
                text.append("; ")
                        .append(yama)
                        .append(" is 2, so only a process with CAP_SYS_PTRACE may: root can set it to 0");
            case "3" -> text.append("; ").append(yama).append(" is 3, so nobody may until the machine is restarted");
            default -> text.append("; ").append(yama).append(" is ").append(Text.printable(scope.get()));
        }
        return text.toString();
    }

    private Optional<String> yamaScope() {
        try {
            return Optional.of(
                    Files.readString(yama, StandardCharsets.ISO_8859_1).strip());
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /**
     * The lines of {@code status} that matter.
     *
     * @param name the name, {@code comm}
     * @param state the letter, such as {@code S}
     * @param group the id of the process that the thread belongs to
     * @param parent the parent's id, 0 if this process can't see it
     * @param tracer the thread that traces it, or 0
     * @param uid its effective user
     * @param hasMemory whether it has an address space
     */
    record Status(String name, char state, long group, long parent, long tracer, long uid, boolean hasMemory) {

        boolean ended() {
            return ended(state);
        }

        private static boolean ended(char state) {
            return state == 'Z' || state == 'X' || state == 'x';
        }
    }

    Status status(long pid) {
        return status(read(pid, process(pid).resolve("status")));
    }

    Status status(long pid, long tid) {
        return status(read(pid, thread(pid, tid).resolve("status")));
    }

    private static Status status(byte[] text) {
        String name = "";
        char state = '?';
        long group = 0;
        long parent = 0;
        long tracer = 0;
        long uid = -1;
        boolean hasMemory = false;
        // The kernel escapes line ends in the name, so a line is a line.
        for (String line : new String(text, StandardCharsets.UTF_8).split("\n")) {
            int colon = line.indexOf(':');
            if (colon < 0) {
                continue;
            }
            String value = line.substring(colon + 1).strip();
            switch (line.substring(0, colon)) {
                case "Name" -> name = value;
                case "State" -> state = value.isEmpty() ? '?' : value.charAt(0);
                case "Tgid" -> group = Long.parseLong(value);
                case "PPid" -> parent = Long.parseLong(value);
                case "TracerPid" -> tracer = Long.parseLong(value);
                case "Uid" -> uid = Long.parseLong(value.split("\\s+")[1]);
                case "VmSize" -> hasMemory = true;
                default -> {
                    // Of no concern.
                }
            }
        }
        return new Status(name, state, group, parent, tracer, uid, hasMemory);
    }

    /**
     * What {@code status} of a thread tells in one of its lines.
     *
     * @param pid the process
     * @param tid the thread
     * @param name what stands before the colon
     * @return what stands behind it; empty if it has ended, or the kernel does not tell that
     */
    Optional<String> statusOf(long pid, long tid, String name) {
        try {
            String text = "\n" + new String(read(pid, thread(pid, tid).resolve("status")), StandardCharsets.ISO_8859_1);
            int at = text.indexOf("\n" + name + ":");
            int end = text.indexOf('\n', at + 1);
            return at < 0
                    ? Optional.empty()
                    : Optional.of(text.substring(at + name.length() + 2, end < 0 ? text.length() : end)
                            .strip());
        } catch (TargetException e) {
            return Optional.empty();
        }
    }

    /**
     * Whether processes that a process forks live in the pid namespace that it lives in itself.
     *
     * @param pid the process
     * @param tid a thread of it
     * @return whether they do, as far as the kernel tells
     */
    boolean forksIntoOwnNamespace(long pid, long tid) {
        Path namespaces = thread(pid, tid).resolve("ns");
        Path own;
        try {
            own = Files.readSymbolicLink(namespaces.resolve("pid"));
        } catch (IOException e) {
            return true;
        }
        try {
            return Files.readSymbolicLink(namespaces.resolve("pid_for_children"))
                    .equals(own);
        } catch (IOException e) {
            // So it is too before the first child in a new one; and always before Linux 4.12.
            return !Files.exists(folder.resolve("self/ns/pid_for_children"), LinkOption.NOFOLLOW_LINKS);
        }
    }

    /**
     * Whether a thread has ended, though it is still listed.
     *
     * @param pid the process
     * @param tid the thread
     * @param text a buffer
     * @return whether it has
     */
    boolean ended(long pid, long tid, ProcText text) {
        read(pid, thread(pid, tid).resolve("status"), text, NOTHING);
        // The kernel escapes line ends in the name, which comes first.
        int state = text.behind("\nState:\t");
        return state >= 0 && state < text.length() && Status.ended((char) text.bytes()[state]);
    }

    /**
     * The id of a thread in the innermost pid namespace that it is in.
     *
     * @param pid the process
     * @param tid the thread
     * @param text a buffer
     * @return the id; {@code tid} where the kernel does not tell
     */
    long tidInside(long pid, long tid, ProcText text) {
        read(pid, thread(pid, tid).resolve("status"), text, NOTHING);
        int ids = text.behind("\nNSpid:");
        if (ids < 0) {
            return tid;
        }
        // One for each namespace, from this one inwards, with a tab before each.
        int last = ids;
        for (int at = ids; at < text.length() && text.bytes()[at] != '\n'; at++) {
            last = text.bytes()[at] == '\t' ? at + 1 : last;
        }
        return text.number(last);
    }

    /**
     * When a process began, which tells it from a later one with the same id.
     *
     * @param pid the process
     * @param text a buffer
     * @return clock ticks since the machine was started
     */
    long startTime(long pid, ProcText text) {
        read(pid, process(pid).resolve("stat"), text, NOTHING);
        // The name stands in parentheses and may hold anything, even parentheses. Behind it and a space stands the
        // state.
        return text.number(text.field(text.last(')') + 2, 19));
    }

    /**
     * The threads of a process.
     *
     * @param pid the process
     * @return their ids, the first thread's first, then ascending
     */
    List<Long> threads(long pid) {
        Path tasks = process(pid).resolve("task");
        String[] names = tasks.toFile().list();
        if (names == null) {
            try (DirectoryStream<Path> folders = Files.newDirectoryStream(tasks)) {
                names = StreamSupport.stream(folders.spliterator(), false)
                        .map(folder -> folder.getFileName().toString())
                        .toArray(String[]::new);
            } catch (DirectoryIteratorException e) {
                throw failed(pid, tasks, e.getCause());
            } catch (IOException e) {
                throw failed(pid, tasks, e);
            }
        }
        if (names.length == 0) {
            throw new NoSuchProcessException("process " + pid + " ended while its threads were listed");
        }
        List<Long> tids = new ArrayList<>(names.length);
        for (String name : names) {
            tids.add(Long.valueOf(name));
        }
        tids.sort(Comparator.naturalOrder());
        if (tids.remove((Long) pid)) {
            tids.addFirst(pid);
        }
        return tids;
    }

    /**
     * Whether a thread has child processes, alive or not yet waited for.
     *
     * @param pid the process
     * @param tid its thread
     * @return whether it has; false also if it has ended, or if the kernel was built without {@code
     *     CONFIG_PROC_CHILDREN}
     */
    boolean hasChildren(long pid, long tid) {
        return says(pid, tid, "children").filter(text -> !text.isEmpty()).isPresent();
    }

    /**
     * The child processes of all threads of a process, alive or not yet waited for.
     *
     * @param pid the process
     * @return their ids; none where the kernel does not tell
     */
    List<Long> children(long pid) {
        List<Long> children = new ArrayList<>();
        for (long tid : threads(pid)) {
            try {
                String ids = new String(
                        Files.readAllBytes(thread(pid, tid).resolve("children")), StandardCharsets.ISO_8859_1);
                for (String id : ids.split(" ")) {
                    if (!id.isBlank()) {
                        children.add(Long.valueOf(id.strip()));
                    }
                }
            } catch (IOException e) {
                // It ended since it was listed.
            }
        }
        return children;
    }

    /**
     * Whether a process is the rest of a copy that another process was made to fork: dead, with an end that no signal
     * tells, which programs do not have by themselves, and with the name or the exit status that we give.
     *
     * @param pid the process
     * @return whether it is
     */
    boolean isDeadCopy(long pid) {
        String stat = new String(read(pid, process(pid).resolve("stat")), StandardCharsets.ISO_8859_1);
        int open = stat.indexOf('(');
        int close = stat.lastIndexOf(')');
        if (open < 0 || close < open) {
            return false;
        }
        // The state comes behind the name.
        String[] fields = stat.substring(close + 1).strip().split(" ");
        return fields.length > EXIT_CODE
                && fields[0].equals("Z")
                && fields[EXIT_SIGNAL].equals("0")
                && (stat.substring(open + 1, close).equals(InjectedCall.COPY_NAME)
                        || fields[EXIT_CODE].equals(Integer.toString(InjectedCall.ORPHANED << 8)));
    }

    String threadName(long pid, long tid, ProcText text) {
        read(pid, thread(pid, tid).resolve("comm"), text, NOTHING);
        return text.line();
    }

    /**
     * The first line of one of the small files of a thread that say what it is doing.
     *
     * @param pid the process
     * @param tid the thread
     * @param file such as {@code wchan}
     * @return its text, or nothing if it can't be read
     */
    Optional<String> says(long pid, long tid, String file) {
        try (InputStream in = Files.newInputStream(thread(pid, tid).resolve(file))) {
            return Optional.of(new String(in.readNBytes(256), StandardCharsets.ISO_8859_1).strip());
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /**
     * The root folder of a process, as a path that leads there even into another mount namespace.
     *
     * @param pid the process
     * @param tid a thread of it that has not ended
     * @return a folder; below it lie the files that the process sees
     */
    Path root(long pid, long tid) {
        return thread(pid, tid).resolve("root");
    }

    /**
     * Where the mappings begin of which nothing is in memory or swapped out.
     *
     * @param pid the process
     * @param tid a thread of it that has not ended
     * @param progress called after each part
     * @return target addresses; none if {@code smaps} can't be read
     */
    Set<Long> mappingsThatHoldNothing(long pid, long tid, Runnable progress) {
        Set<Long> found = new HashSet<>();
        boolean[] resident = new boolean[1];
        boolean read = mappings(pid, tid, progress, (start, end, name, value) -> {
            if (name.equals("Rss")) {
                resident[0] = !value.equals("0 kB");
            } else if (name.equals("Swap") && value.equals("0 kB") && !resident[0]) {
                found.add(start);
            }
        });
        return read ? found : Set.of();
    }

    /**
     * What of the mappings matters to a core; each is named by where it begins.
     *
     * @param excluded those that are in none
     * @param huge those of hugetlbfs
     * @param written those that have pages of the process's own, in memory or swapped out
     */
    record Dumped(Set<Long> excluded, Set<Long> huge, Set<Long> written) {}

    /**
     * Reads what of the mappings matters to a core.
     *
     * @param pid the process
     * @param tid a thread of it that has not ended
     * @param progress called after each part
     * @return what the kernel tells
     * @throws TargetException if it can't be read: pages that were written would be missing without a word
     */
    Dumped dumped(long pid, long tid, Runnable progress) {
        Dumped found = new Dumped(new HashSet<>(), new HashSet<>(), new HashSet<>());
        boolean read = mappings(pid, tid, progress, (start, end, name, value) -> {
            switch (name) {
                case "Anonymous", "Swap" -> {
                    if (!value.equals("0 kB")) {
                        found.written.add(start);
                    }
                }
                case "VmFlags" -> {
                    List<String> flags = List.of(value.split(" "));
                    if (flags.contains("dd") || flags.contains("io")) {
                        found.excluded.add(start);
                    }
                    if (flags.contains("ht")) {
                        found.huge.add(start);
                    }
                }
                default -> {
                    // Of no concern.
                }
            }
        });
        if (!read) {
            throw new TargetException("can't read %s, which tells what a core must have of the memory of process %d"
                    .formatted(thread(pid, tid).resolve("smaps"), pid));
        }
        return found;
    }

    /**
     * The bits of {@code coredump_filter}.
     *
     * @param pid the process
     * @return the bits; what most systems begin with where the kernel does not tell
     */
    int coreFilter(long pid) {
        try {
            return Integer.parseUnsignedInt(
                    new String(read(pid, process(pid).resolve("coredump_filter")), StandardCharsets.ISO_8859_1).strip(),
                    16);
        } catch (TargetException | NumberFormatException e) {
            return USUAL_FILTER;
        }
    }

    /**
     * What a core tells of a process.
     *
     * @param pid the process
     * @param tid a thread of it that has not ended
     * @param name its name
     * @return what the kernel tells
     */
    ProcessNotes.Process facts(long pid, long tid, String name) {
        String stat = new String(read(pid, process(pid).resolve("stat")), StandardCharsets.ISO_8859_1);
        // As in startTime: the state and what follows it.
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        String status = new String(read(pid, process(pid).resolve("status")), StandardCharsets.ISO_8859_1);
        return new ProcessNotes.Process(
                pid,
                Long.parseLong(fields[1]),
                Long.parseLong(fields[2]),
                Long.parseLong(fields[3]),
                fields[0].charAt(0),
                Integer.parseInt(fields[16]),
                Long.parseLong(fields[6]),
                realId(status, "\nUid:\t"),
                realId(status, "\nGid:\t"),
                name,
                read(pid, thread(pid, tid).resolve("cmdline")));
    }

    private static int realId(String status, String before) {
        int at = status.indexOf(before) + before.length();
        return Integer.parseUnsignedInt(status.substring(at, status.indexOf('\t', at)));
    }

    /** Is told of the lines of {@code smaps}. */
    @FunctionalInterface
    private interface MappingLine {
        /** A line such as {@code Rss: 4 kB} of a mapping. */
        void at(long start, long end, String name, String value);
    }

    /** Reads {@code smaps}. Returns whether it could be read to its end. */
    private boolean mappings(long pid, long tid, Runnable progress, MappingLine sink) {
        Path smaps = thread(pid, tid).resolve("smaps");
        try (BufferedReader lines = Files.newBufferedReader(smaps, StandardCharsets.ISO_8859_1)) {
            long start = 0;
            long end = 0;
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                int dash = line.indexOf('-');
                int space = line.indexOf(' ');
                int colon = line.indexOf(':');
                if (dash > 0 && space > dash && (colon < 0 || colon > space)) {
                    start = Long.parseUnsignedLong(line, 0, dash, 16);
                    end = Long.parseUnsignedLong(line, dash + 1, space, 16);
                    progress.run();
                } else if (colon > 0) {
                    sink.at(
                            start,
                            end,
                            line.substring(0, colon),
                            line.substring(colon + 1).strip());
                }
            }
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * How much of what is in memory falls to the process where it shares that with others.
     *
     * @param pid the process
     * @param tid a thread of it that has not ended
     * @param progress called after each part
     * @return what it is by mapping and in all; empty if that can't be read
     */
    Optional<Proportions> proportions(long pid, long tid, Runnable progress) {
        List<Proportions.Part> parts = new ArrayList<>();
        boolean read = mappings(pid, tid, progress, (start, end, name, value) -> {
            if (name.equals("Pss")) {
                parts.add(new Proportions.Part(new Range(start, end), bytes(value)));
            }
        });
        Long all = amounts(pid, tid, ROLLUP).get("Pss");
        return read && all != null ? Optional.of(new Proportions(parts, all)) : Optional.empty();
    }

    /**
     * Whether a process shares pages of its own with others. Takes as long as the kernel needs to go through what is in
     * memory.
     *
     * @param pid the process
     * @param tid a thread of it that has not ended
     * @return whether it does; false where the kernel does not tell
     */
    boolean sharesItsOwn(long pid, long tid) {
        Map<String, Long> amounts = amounts(pid, tid, ROLLUP);
        return amounts.getOrDefault("Pss_Anon", Long.MAX_VALUE) < amounts.getOrDefault("Anonymous", 0L);
    }

    /**
     * The ids of all other processes.
     *
     * @param pid a process
     * @return decimal numbers; empty if they can't be listed
     */
    Optional<Set<String>> others(long pid) {
        String[] all = folder.toFile().list();
        if (all == null) {
            return Optional.empty();
        }
        Set<String> others = new HashSet<>(2 * all.length);
        for (String other : all) {
            if (Character.isDigit(other.charAt(0))) {
                others.add(other);
            }
        }
        others.remove(Long.toString(pid));
        return Optional.of(others);
    }

    /**
     * The file that a process runs.
     *
     * @param pid the process
     * @return a path; empty if it runs none, {@link #UNKNOWN} if that is not to be known
     */
    String program(String pid) {
        try {
            return Files.readSymbolicLink(folder.resolve(pid).resolve("exe")).toString();
        } catch (AccessDeniedException e) {
            return UNKNOWN;
        } catch (IOException e) {
            return "";
        }
    }

    /**
     * What the kernel counts of a process's memory.
     *
     * @param pid the process
     * @param tid a thread of it that has not ended
     * @return the counts; empty if they can't be read
     */
    Optional<MemoryCounts> counts(long pid, long tid) {
        Map<String, Long> amounts = amounts(pid, tid, "status");
        return Optional.ofNullable(amounts.get("VmRSS"))
                .map(resident -> new MemoryCounts(
                        resident, amounts.getOrDefault("VmPTE", 0L), amounts.getOrDefault("HugetlbPages", 0L)));
    }

    /** The amounts that a file of a thread tells in a line each, in bytes; none if it can't be read. */
    private Map<String, Long> amounts(long pid, long tid, String file) {
        Map<String, Long> amounts = new HashMap<>();
        try {
            byte[] text = Files.readAllBytes(thread(pid, tid).resolve(file));
            for (String line : new String(text, StandardCharsets.ISO_8859_1).split("\n")) {
                int colon = line.indexOf(':');
                if (colon > 0 && line.endsWith(" kB")) {
                    amounts.put(
                            line.substring(0, colon),
                            bytes(line.substring(colon + 1).strip()));
                }
            }
        } catch (IOException e) {
            // Then nobody can tell.
        }
        return amounts;
    }

    /** An amount such as {@code 12 kB}, in bytes. */
    private static long bytes(String amount) {
        return Long.parseLong(amount, 0, amount.indexOf(' '), 10) << 10;
    }

    /**
     * Where the mappings begin in which a {@code userfaultfd} has missing pages brought by a server.
     *
     * @param pid the process
     * @param tid a thread of it that has not ended
     * @param progress called after each part
     * @return target addresses; none if the process has no such descriptor, or that can't be read
     */
    Set<Long> servedMappings(long pid, long tid, Runnable progress) {
        return hasUserfaultfd(pid, tid)
                ? flagged(pid, tid, "um", progress).stream().map(Range::start).collect(Collectors.toSet())
                : Set.of();
    }

    /**
     * Where the mappings begin that are zeros in a child: {@code MADV_WIPEONFORK}.
     *
     * @param pid the process
     * @param tid a thread of it that has not ended
     * @param progress called after each part
     * @return target addresses; none if that can't be read
     */
    Set<Long> wipedMappings(long pid, long tid, Runnable progress) {
        return flagged(pid, tid, "wf", progress).stream().map(Range::start).collect(Collectors.toSet());
    }

    /**
     * Where the mappings begin whose pages the kernel may drop at any time ({@code MAP_DROPPABLE}, since Linux 6.11), such
     * as the state of {@code getrandom} in the vDSO. A child has zeros there, too.
     *
     * @param pid the process
     * @param tid a thread of it that has not ended
     * @param progress called after each part
     * @return target addresses; none if that can't be read
     */
    Set<Long> droppableMappings(long pid, long tid, Runnable progress) {
        return flagged(pid, tid, "dp", progress).stream().map(Range::start).collect(Collectors.toSet());
    }

    /**
     * The mappings that are locked in memory.
     *
     * @param pid the process
     * @param tid a thread of it that has not ended
     * @param progress called after each part
     * @return target addresses, in ascending order; none if that can't be read
     */
    List<Range> lockedMappings(long pid, long tid, Runnable progress) {
        return flagged(pid, tid, "VmLck", "lo", progress);
    }

    /**
     * The mappings of hugetlbfs, and of huge pages that were reserved.
     *
     * @param pid the process
     * @param tid a thread of it that has not ended
     * @param progress called after each part
     * @return target addresses, in ascending order; none if that can't be read
     */
    List<Range> hugeMappings(long pid, long tid, Runnable progress) {
        return flagged(pid, tid, "HugetlbPages", "ht", progress);
    }

    /** The mappings with a flag, where an amount tells in the short file that the long one is worth a look. */
    private List<Range> flagged(long pid, long tid, String amount, String flag, Runnable progress) {
        return amounts(pid, tid, "status").getOrDefault(amount, 0L) > 0 ? flagged(pid, tid, flag, progress) : List.of();
    }

    /** The mappings that the kernel shows a flag of; none if it does not tell. */
    private List<Range> flagged(long pid, long tid, String flag, Runnable progress) {
        List<Range> found = new ArrayList<>();
        // What can be read of it is told.
        mappings(pid, tid, progress, (start, end, name, value) -> {
            if (name.equals("VmFlags") && (" " + value).contains(" " + flag)) {
                found.add(new Range(start, end));
            }
        });
        return found;
    }

    private boolean hasUserfaultfd(long pid, long tid) {
        Path folder = thread(pid, tid).resolve("fd");
        String[] descriptors = folder.toFile().list();
        if (descriptors == null) {
            // Then nobody can tell.
            return false;
        }
        for (String each : descriptors) {
            try {
                if (Files.readSymbolicLink(folder.resolve(each)).toString().equals("anon_inode:[userfaultfd]")) {
                    return true;
                }
            } catch (IOException e) {
                // It was closed since it was listed.
            }
        }
        return false;
    }

    /** What is mounted where a process runs, by paths from its own root on; nothing if that can't be read. */
    Mounts mounts(long pid, long tid) {
        return mounts(thread(pid, tid).resolve("mountinfo"));
    }

    /** What is mounted where this JVM runs. */
    Mounts mounts() {
        return mounts(folder.resolve("self/mountinfo"));
    }

    private static Mounts mounts(Path file) {
        try {
            return new Mounts(new String(Files.readAllBytes(file), StandardCharsets.UTF_8));
        } catch (IOException e) {
            return new Mounts("");
        }
    }

    /** The path of a process's program, from its own root on. */
    private String program(long pid, long tid) throws IOException {
        String program = Files.readSymbolicLink(thread(pid, tid).resolve("exe")).toString();
        String root = Files.readSymbolicLink(root(pid, tid)).toString();
        return root.length() > 1 && program.startsWith(root + "/") ? program.substring(root.length()) : program;
    }

    /**
     * Where in a mapping its file ends, as far as whole pages: a mapping may be longer than its file, and what lies
     * behind that can't be read.
     *
     * @param tid a thread of the process that has not ended
     * @param mapping one of a file
     * @param pageSize the page size of the process
     * @return a target address; the end of the mapping if the kernel does not tell
     */
    long endOfFile(long tid, Mapping mapping, int pageSize) {
        try {
            BasicFileAttributes attributes = Files.readAttributes(mappedFile(tid, mapping), BasicFileAttributes.class);
            if (!attributes.isRegularFile()) {
                return mapping.end();
            }
            long mapped = attributes.size() - mapping.fileOffset() + pageSize - 1 & -(long) pageSize;
            return mapping.start() + Math.clamp(mapped, 0, mapping.length());
        } catch (IOException e) {
            return mapping.end();
        }
    }

    /**
     * The kernel's own link to the file of a mapping.
     *
     * @param tid a thread of the process that has not ended
     * @param mapping one of a file
     * @return its path; who may not follow it is told so when it is opened
     */
    Path mappedFile(long tid, Mapping mapping) {
        // Not among the files of a thread, but a thread can be named like a process.
        return process(tid).resolve("map_files").resolve("%x-%x".formatted(mapping.start(), mapping.end()));
    }

    /**
     * The machine that the program of a process was built for.
     *
     * @param pid the process
     * @param tid a thread of it that has not ended
     * @return the machine, or nothing if its file can't be opened
     */
    Optional<Machine> machine(long pid, long tid) {
        try {
            if (mounts(pid, tid).mayHang(program(pid, tid)).isPresent()) {
                return Optional.empty();
            }
            try (InputStream in = Files.newInputStream(thread(pid, tid).resolve("exe"))) {
                return machine(in.readNBytes(ELF_MACHINE_END));
            }
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /**
     * The machine that an ELF header names.
     *
     * @param header the first bytes of an ELF file
     * @return the machine, or nothing if that is no ELF header
     */
    static Optional<Machine> machine(byte[] header) {
        if (header.length < ELF_MACHINE_END
                || header[0] != 0x7f
                || header[1] != 'E'
                || header[2] != 'L'
                || header[3] != 'F') {
            return Optional.empty();
        }
        boolean bigEndian = header[5] == 2;
        int machine = Short.toUnsignedInt(MemorySegment.ofArray(header).get(Words.SHORT, 18));
        return Optional.of(bigEndian ? Machine.OTHER : Machine.of(machine, header[4]));
    }

    /**
     * The page size that the kernel told a process.
     *
     * @param pid the process
     * @param tid a thread of it that has not ended
     * @param wordSize the size of its pointers in bytes
     * @return bytes
     */
    int pageSize(long pid, long tid, int wordSize) {
        int own = pageSize(read(pid, thread(pid, tid).resolve("auxv")), wordSize);
        // A process without the entry still runs on this kernel.
        return own > 0 ? own : pageSize(read(pid, folder.resolve("self").resolve("auxv")), Long.BYTES);
    }

    private static int pageSize(byte[] vector, int wordSize) {
        MemorySegment words = MemorySegment.ofArray(vector);
        for (long at = 0; at + 2L * wordSize <= vector.length; at += 2L * wordSize) {
            long key = wordSize == 4 ? words.get(Words.INT, at) : words.get(Words.LONG, at);
            if (key == AT_PAGESZ) {
                long value = wordSize == 4 ? words.get(Words.INT, at + 4) : words.get(Words.LONG, at + 8);
                return Long.bitCount(value) == 1 && value >= 4096 && value <= 1 << 20 ? (int) value : 0;
            }
        }
        return 0;
    }
}
