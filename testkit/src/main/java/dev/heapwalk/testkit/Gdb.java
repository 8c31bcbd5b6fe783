// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Asks gdb, with the debug symbols of a release, about a process or a core. Each question is a run of gdb, in which the
 * process is stopped; it goes on afterwards.
 */
public final class Gdb {
    private static final Path ANY_FOLDER = Path.of("/tmp");
    private static final String MARK = "~answer~";
    private static final Pattern VALUE = Pattern.compile("\\$\\d+ = (?:\\([^()]*\\) )?(.*)", Pattern.DOTALL);
    private static final Pattern HEX = Pattern.compile("0x[0-9a-f]+");
    private static final Pattern LWP = Pattern.compile("Thread \\d+ \\(.*?LWP (\\d+).*?\\):?");

    private static final Pattern LINE = Pattern.compile("\n");
    private static final Pattern STACK_LEVEL = Pattern.compile("\n(?=Stack level )");
    private static final Pattern NO_MEMORY = Pattern.compile("(?m)^Cannot access memory at address .*\n?");
    private static final Pattern NO_FRAME = Pattern.compile("\n (inlined into frame|tail call frame)");
    private static final Pattern PLACE =
            Pattern.compile("^Stack level \\d+, frame at (0x[0-9a-f]+):\n *\\w+ = (0x[0-9a-f]+)");

    private final Release release;
    private final Path folder;
    private final List<String> target;

    private Gdb(Release release, Path folder, List<String> target) {
        this.release = release;
        this.folder = folder;
        this.target = target;
    }

    /**
     * Asks about a process.
     *
     * @param release the release whose gdb and debug symbols are used; the process runs in it, with or without debug
     *     symbols
     * @param pid its process id
     * @return the asker
     */
    public static Gdb process(Release release, long pid) {
        return new Gdb(release, ANY_FOLDER, List.of("-p", Long.toString(pid)));
    }

    /**
     * Writes a core of a process, and tells the stacks of its threads at the same moment.
     *
     * @param release the release whose gdb and debug symbols are used; the process runs in it
     * @param process a process that was started there with debug symbols
     * @param core the file
     * @return what {@code thread apply all bt} says
     * @throws IOException if gdb can't be run
     */
    public static String stacksAndCore(Release release, BusyProcess process, Path core) throws IOException {
        Path folder = core.toAbsolutePath().getParent();
        String program = CProgram.portable("busy").install(release, true);
        return new Gdb(release, folder, List.of("-p", Long.toString(process.pid()), program))
                .run(List.of(
                        "thread apply all bt", "generate-core-file " + release.seen(folder) + "/" + core.getFileName()))
                .getFirst();
    }

    /**
     * A frame as gdb tells it.
     *
     * @param programCounter target address of the next instruction
     * @param address where the stack pointer was before the frame was made; 0 for the outermost frame
     * @param symbol what {@code info symbol} says of the next instruction
     * @param symbolBefore what it says of the byte before
     */
    public record Frame(long programCounter, long address, String symbol, String symbolBefore) {}

    /**
     * Tells the frames of each thread of a process, without those that it makes up for inlined functions
     * and for such as ended in a call, and writes a core of the same
     * moment.
     *
     * @param release the release whose gdb and debug symbols are used; the process runs in it
     * @param pid its process id
     * @param program the program's file, as the release sees it
     * @param core the file
     * @return the frames by thread id, the innermost first
     * @throws IOException if gdb can't be run, or tells something else
     */
    public static Map<Integer, List<Frame>> framesAndCore(Release release, long pid, String program, Path core)
            throws IOException {
        return frames(release, List.of("-p", Long.toString(pid), program), core);
    }

    /**
     * As {@link #framesAndCore(Release, long, String, Path)}, by the gdb of this machine, for a process that runs where
     * there is none.
     *
     * @param root the root folder of the process
     * @param pid its process id
     * @param core the file
     * @return the frames by thread id, the innermost first
     * @throws IOException if gdb can't be run, or tells something else
     */
    public static Map<Integer, List<Frame>> framesAndCore(Path root, long pid, Path core) throws IOException {
        String file = Files.readSymbolicLink(Path.of("/proc/" + pid + "/exe")).toString();
        return frames(Release.HOST, List.of("-iex", "set sysroot " + root, "-p", Long.toString(pid), file), core);
    }

    private static Map<Integer, List<Frame>> frames(Release release, List<String> target, Path core)
            throws IOException {
        Path folder = core.toAbsolutePath().getParent();
        // An error in one frame does not end it.
        String all = "thread apply all -c frame apply all -q -c ";
        List<String> said = new Gdb(release, folder, target)
                .run(List.of(
                        "set backtrace past-main on",
                        "set backtrace past-entry on",
                        all + "info frame",
                        all + "info symbol $pc",
                        all + "info symbol $pc - 1",
                        "generate-core-file " + release.seen(folder) + "/" + core.getFileName()));
        Map<Integer, List<String>> places = byThread(said.get(2), STACK_LEVEL);
        Map<Integer, List<String>> symbols = byThread(said.get(3), LINE);
        Map<Integer, List<String>> before = byThread(said.get(4), LINE);
        Map<Integer, List<Frame>> frames = new LinkedHashMap<>();
        for (Map.Entry<Integer, List<String>> thread : places.entrySet()) {
            List<Frame> own = new ArrayList<>();
            for (int i = 0; i < thread.getValue().size(); i++) {
                Matcher place = PLACE.matcher(thread.getValue().get(i));
                if (!place.find()) {
                    throw new IOException(
                            "gdb told of no frame: " + thread.getValue().get(i));
                }
                if (!NO_FRAME.matcher(thread.getValue().get(i)).find()) {
                    own.add(new Frame(
                            Long.decode(place.group(2)),
                            Long.decode(place.group(1)),
                            symbols.get(thread.getKey()).get(i),
                            before.get(thread.getKey()).get(i)));
                }
            }
            frames.put(thread.getKey(), own);
        }
        if (frames.isEmpty()) {
            throw new IOException("gdb told of no thread:\n" + said);
        }
        return frames;
    }

    /** The parts of what was said about each thread. */
    private static Map<Integer, List<String>> byThread(String said, Pattern begin) {
        Map<Integer, List<String>> threads = new LinkedHashMap<>();
        Matcher thread = LWP.matcher(said);
        int at = 0;
        while (thread.find(at)) {
            int end = said.indexOf("\nThread ", thread.end());
            at = end < 0 ? said.length() : end;
            int from = said.indexOf('\n', thread.end());
            String own = from < 0 || from > at
                    ? ""
                    : NO_MEMORY
                            .matcher(said.substring(from + 1, at))
                            .replaceAll("")
                            .strip();
            threads.put(Integer.parseInt(thread.group(1)), own.isEmpty() ? List.of() : List.of(begin.split(own)));
        }
        return threads;
    }

    /**
     * Asks about a ledger process.
     *
     * @param process the process
     * @return the asker
     * @throws IOException if the program can't be put where gdb sees it
     */
    public static Gdb process(LedgerProcess process) throws IOException {
        String program = CProgram.portable("ledger").install(process.release(), true);
        return new Gdb(process.release(), ANY_FOLDER, List.of("-p", Long.toString(process.pid()), program));
    }

    /**
     * Asks about a core of a ledger process.
     *
     * @param release where it ran
     * @param core the core file
     * @return the asker
     * @throws IOException if the program can't be put where gdb sees it
     */
    public static Gdb core(Release release, Path core) throws IOException {
        String program = CProgram.portable("ledger").install(release, true);
        Path folder = core.toAbsolutePath().getParent();
        return new Gdb(release, folder, List.of(program, release.seen(folder) + "/" + core.getFileName()));
    }

    /**
     * Runs commands.
     *
     * @param commands gdb's commands
     * @return what each of them printed, stripped
     * @throws IOException if gdb can't be run
     */
    public List<String> run(List<String> commands) throws IOException {
        List<String> line = new ArrayList<>(List.of(
                "gdb",
                "-q",
                "-nx",
                "-batch",
                "-iex",
                "set auto-load safe-path /",
                // Else gdb looks for libraries with the eyes of the process, whose mount namespace has another root.
                "-iex",
                "set sysroot /",
                // Releases before bookworm know no debuginfod.
                "-iex",
                "set width 0",
                "-iex",
                "set pagination off"));
        line.addAll(target);
        for (String command : commands) {
            line.addAll(List.of("-ex", "echo \\n" + MARK + "\\n", "-ex", command));
        }
        line.addAll(List.of("-ex", "echo \\n" + MARK + "\\n"));
        String said = Command.of(release.commandBeside(folder, true, line)).run("ask gdb", false);
        String[] answers = said.split("\n" + MARK + "\n", -1);
        if (answers.length != commands.size() + 2) {
            throw new IOException("gdb did not answer " + commands + ":\n" + said);
        }
        List<String> stripped = new ArrayList<>();
        for (int i = 1; i <= commands.size(); i++) {
            stripped.add(answers[i].strip());
        }
        return stripped;
    }

    /**
     * Evaluates expressions in one stop.
     *
     * @param expressions what to print, for example {@code sizeof(main_arena)} or {@code mp_.n_mmaps}
     * @return the values as gdb prints them, without number and type
     * @throws IOException if one has no value; with gdb's words
     */
    public List<String> values(String... expressions) throws IOException {
        List<String> answers = run(List.of(expressions).stream()
                .map(expression -> "print " + expression)
                .toList());
        List<String> values = new ArrayList<>();
        for (int i = 0; i < expressions.length; i++) {
            values.add(value(expressions[i], answers.get(i)));
        }
        return values;
    }

    /**
     * Evaluates pointers in one stop.
     *
     * @param expressions what to print, for example {@code &main_arena} or {@code &mp_}
     * @return their addresses in the target
     * @throws IOException if one has no value; with gdb's words
     */
    public long[] addresses(String... expressions) throws IOException {
        List<String> values = values(expressions);
        long[] addresses = new long[expressions.length];
        for (int i = 0; i < addresses.length; i++) {
            addresses[i] = address(expressions[i], values.get(i));
        }
        return addresses;
    }

    /**
     * Evaluates a pointer in every thread.
     *
     * @param expression what to print, for example {@code tcache} or {@code thread_arena}
     * @return its address by thread id
     * @throws IOException if it has no value in one of them; with gdb's words
     */
    public Map<Integer, Long> everyThread(String expression) throws IOException {
        String said = run(List.of("thread apply all print " + expression)).getFirst();
        Map<Integer, Long> found = new LinkedHashMap<>();
        Matcher thread = LWP.matcher(said);
        int at = 0;
        while (thread.find(at)) {
            int tid = Integer.parseInt(thread.group(1));
            int end = said.indexOf("\nThread ", thread.end());
            at = end < 0 ? said.length() : end;
            found.put(
                    tid,
                    address(
                            expression,
                            value(expression, said.substring(thread.end(), at).strip())));
        }
        if (found.isEmpty()) {
            throw new IOException("gdb told of no thread:\n" + said);
        }
        return found;
    }

    private static String value(String expression, String answer) throws IOException {
        Matcher value = VALUE.matcher(answer);
        if (!value.find()) {
            throw new IOException("gdb has no value for " + expression + ": " + answer);
        }
        return value.group(1).strip();
    }

    private static long address(String expression, String value) throws IOException {
        Matcher hex = HEX.matcher(value);
        if (!hex.find()) {
            throw new IOException("gdb has no address for " + expression + ": " + value);
        }
        return Long.decode(hex.group());
    }
}
