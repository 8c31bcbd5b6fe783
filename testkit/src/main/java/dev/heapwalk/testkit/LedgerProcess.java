// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * A process that allocates in a known way and keeps a ledger of what it holds. Between commands all its threads wait,
 * so nothing in it changes, except in the scenario {@code churn} until {@link #stop}.
 *
 * <p>Scenarios: {@code never} (never allocates), {@code basic} (one thread, every size), {@code bigsizes} (1 to 64
 * MiB), {@code fastbins}, {@code tcachefull}, {@code memalign}, {@code foreign-sbrk} (somebody else moves the break),
 * {@code brk-blocked} (a mapping behind the break, so that the main heap goes on elsewhere), {@code many} (options
 * {@code count}: that many small blocks, {@code freed}: so many percent of them freed again, 30 if not given, {@code
 * threads}: allocated by so many threads in equal parts, in as many arenas where there may be so many), {@code large}
 * (options {@code count} and {@code size}: that many blocks of that size, 100 KiB if not given, all written to), {@code
 * pages} (option {@code count}: that many blocks of one to six pages), {@code strings} (option {@code count}: blocks
 * with C strings), {@code threads}, {@code arenas} (more threads than arenas), {@code exits} (threads that end while
 * others go on), {@code turnover} (at every other {@link #go} some threads end and more come, which first allocate at
 * the next), {@code churn} (threads that go on allocating and freeing). Options: {@code threads}, {@code rounds},
 * {@code count}, {@code freed}, {@code size}, {@code seed}.
 *
 * <p>It ends when this is closed, and when the JVM ends in whatever way.
 */
public final class LedgerProcess implements AutoCloseable {
    private final Launch launch;
    private final Conversation conversation;

    private LedgerProcess(Launch launch, Conversation conversation) {
        this.launch = launch;
        this.conversation = conversation;
    }

    /** How to start a ledger process. */
    public static final class Launch {
        private final Release release;
        private final String scenario;
        private final List<String> options = new ArrayList<>();
        private final Map<String, String> environment = new LinkedHashMap<>();
        private OptionalInt user = OptionalInt.empty();
        private boolean debugSymbols;
        private boolean aarch64;
        private boolean kernelFiles;
        private Libc libc = Libc.GLIBC;
        private List<String> linked = List.of();
        private String preloaded = "";

        /** What it is linked with. */
        private enum Libc {
            GLIBC,
            MUSL,
            STATIC_MUSL
        }

        private Launch(Release release, String scenario) {
            this.release = release;
            this.scenario = scenario;
        }

        /**
         * Runs it where {@code libc6-dbg} is installed; of no effect in the machine's own release.
         *
         * @param with whether to
         * @return this
         */
        public Launch debugSymbols(boolean with) {
            debugSymbols = with;
            return this;
        }

        /**
         * Gives it an environment variable.
         *
         * @param name for example {@code GLIBC_TUNABLES}
         * @param value its value
         * @return this
         */
        public Launch env(String name, String value) {
            environment.put(name, value);
            return this;
        }

        /**
         * Loads a library before all others, which need not be on this machine itself.
         *
         * @param file its name, such as {@code libtcmalloc.so.4}
         * @return this
         */
        public Launch preload(String file) {
            preloaded = file;
            return this;
        }

        /**
         * Lets it see {@code /proc} and {@code /sys}, where libc finds out about huge pages.
         *
         * @return this
         */
        public Launch kernelFiles() {
            kernelFiles = true;
            return this;
        }

        /**
         * Has it linked in another way. What runs on this machine itself may be linked with what is on it.
         *
         * @param options more options for {@code gcc}, such as {@code -static}
         * @return this
         */
        public Launch linked(String... options) {
            linked = List.of(options);
            return this;
        }

        /**
         * Has it linked with musl in place of glibc.
         *
         * @param statically whether it has the release's musl in itself
         * @return this
         */
        public Launch musl(boolean statically) {
            libc = statically ? Libc.STATIC_MUSL : Libc.MUSL;
            return this;
        }

        /**
         * Gives the scenario an option.
         *
         * @param name {@code threads}, {@code rounds}, {@code count}, {@code freed}, {@code size} or {@code seed}
         * @param value its value
         * @return this
         */
        public Launch option(String name, long value) {
            options.add(name + "=" + value);
            return this;
        }

        /**
         * Runs it as another user, which only root can.
         *
         * @param id the user's and the group's id, for example 65534 for {@code nobody}
         * @return this
         */
        public Launch user(int id) {
            user = OptionalInt.of(id);
            return this;
        }

        /**
         * Runs the program for aarch64 in {@code qemu-aarch64}, on this machine: {@link #pid} is then the emulator's.
         * It runs with the release's own libraries, or with this machine's; on bullseye, whose glibc is too old for it,
         * with trixie's glibc and bullseye's other libraries.
         *
         * @return this
         */
        public Launch aarch64() {
            aarch64 = true;
            return this;
        }

        /**
         * Starts it and waits until its scenario has been played.
         *
         * @return the process; to be closed
         * @throws IOException if it can't be started, or fails
         */
        public LedgerProcess start() throws IOException {
            List<String> line = new ArrayList<>();
            if (aarch64) {
                line.addAll(List.of("qemu-aarch64", "-L", aarch64Libraries().toString()));
            }
            if (!preloaded.isEmpty()) {
                line.addAll(
                        aarch64
                                ? List.of("-E", "LD_PRELOAD=" + aarch64Library())
                                : List.of("/usr/bin/env", "LD_PRELOAD=" + preloaded));
            }
            if (aarch64) {
                line.add(program().file().toString());
            } else if (release == Release.HOST && user.isPresent()) {
                line.add(program().copyForAll().toString());
            } else {
                line.add(program().install(release, debugSymbols));
            }
            line.add(scenario);
            line.addAll(options);
            List<String> whole = aarch64
                    ? line
                    : user.isPresent()
                            ? release.commandAs(user.getAsInt(), debugSymbols, line)
                            : kernelFiles
                                    ? release.commandBeside(
                                            Path.of(System.getProperty("java.io.tmpdir")), debugSymbols, line)
                                    : release.command(debugSymbols, line);
            ProcessBuilder builder = new ProcessBuilder(whole);
            builder.environment().putAll(environment);
            return new LedgerProcess(this, Conversation.start(toString(), builder));
        }

        private CProgram program() throws IOException {
            if (release == Release.HOST && !linked.isEmpty()) {
                return CProgram.host("ledger", linked.toArray(String[]::new));
            }
            String[] options = linked.toArray(String[]::new);
            return switch (libc) {
                case GLIBC -> aarch64 ? CProgram.aarch64("ledger", options) : CProgram.portable("ledger", options);
                case MUSL ->
                    aarch64 ? CProgram.aarch64Musl(release, "ledger", options) : CProgram.musl("ledger", options);
                case STATIC_MUSL -> CProgram.staticMusl(release, "ledger", options);
            };
        }

        private Path aarch64Libraries() {
            return switch (release) {
                case HOST -> Path.of("/usr/aarch64-linux-gnu");
                case BULLSEYE -> (libc == Libc.GLIBC ? Release.TRIXIE : release).aarch64Root();
                default -> release.aarch64Root();
            };
        }

        /** By its whole name, since not all libraries of bullseye are to be found. */
        private Path aarch64Library() {
            return release.aarch64Root().resolve("usr/lib/aarch64-linux-gnu").resolve(preloaded);
        }

        @Override
        public String toString() {
            return "ledger " + scenario + " " + options + " on " + release.label() + (aarch64 ? " for aarch64" : "")
                    + (debugSymbols ? " with debug symbols" : "")
                    + (environment.isEmpty() ? "" : " with " + environment)
                    + (preloaded.isEmpty() ? "" : " with " + preloaded)
                    + (libc == Libc.GLIBC ? "" : " as " + libc)
                    + (linked.isEmpty() ? "" : ", linked with " + linked);
        }
    }

    /**
     * Prepares to start a ledger process.
     *
     * @param release where it is to run
     * @param scenario what it is to do first
     * @return how to start it
     */
    public static Launch of(Release release, String scenario) {
        return new Launch(release, scenario);
    }

    /**
     * Its process id.
     *
     * @return the id, also seen from this machine
     */
    public long pid() {
        return conversation.pid();
    }

    /**
     * Where the files lie that it was started with, as it names them.
     *
     * @return the root of its release, or what {@code qemu-aarch64} has for one
     */
    public Path files() {
        return launch.aarch64 ? launch.aarch64Libraries() : root();
    }

    /**
     * Where it runs.
     *
     * @return the release
     */
    public Release release() {
        return launch.release;
    }

    /**
     * Asks for the ledger. In the scenario {@code churn}, {@link #stop} comes first.
     *
     * @return the ledger
     * @throws IOException if the process is gone or fails
     */
    public Ledger ledger() throws IOException {
        return Ledger.parse(conversation.ask("ledger"));
    }

    /**
     * Lets it check that every block it holds still has the content it was given, which proves that nobody harmed it.
     *
     * @return how many blocks it checked
     * @throws IOException if the process is gone
     * @throws AssertionError if a block is damaged, or was when it was freed
     */
    public long check() throws IOException {
        List<String> said = conversation.ask("check");
        String[] last = said.getLast().split(" ");
        if (!last[0].equals("checked") || !last[3].equals("0")) {
            throw new AssertionError(launch + ": blocks are damaged: " + String.join("; ", said));
        }
        return Long.parseLong(last[1]);
    }

    /**
     * What {@code malloc_info} prints.
     *
     * @return its XML text
     * @throws IOException if the process is gone
     */
    public String mallocInfo() throws IOException {
        return String.join("\n", conversation.ask("info"));
    }

    /**
     * What {@code malloc_stats_print} of jemalloc prints, if the process runs with that. Since 5.3 it has a buffer of
     * 64 KiB of its own while it counts.
     *
     * @return its JSON
     * @throws IOException if the process is gone, or has no jemalloc
     */
    public String jemallocStatistics() throws IOException {
        return String.join("\n", conversation.ask("jemalloc"));
    }

    /**
     * What {@code MallocExtension_GetStats} of tcmalloc tells, if the process runs with that.
     *
     * @return its text
     * @throws IOException if the process is gone, or has no tcmalloc
     */
    public String tcmallocStatistics() throws IOException {
        return String.join("\n", conversation.ask("tcmalloc"));
    }

    /**
     * What {@code mi_debug_show_arenas} of mimalloc 3 shows, if the process runs with that: a character for each slice.
     *
     * @return its text
     * @throws IOException if the process is gone, or has no mimalloc 3
     */
    public String mimallocArenas() throws IOException {
        return String.join("\n", conversation.ask("mimalloc"));
    }

    /**
     * Lets all its threads allocate, resize and free, and waits until they have done so.
     *
     * @param rounds how many steps for each thread
     * @throws IOException if the process is gone or fails
     */
    public void go(long rounds) throws IOException {
        conversation.ask("go " + rounds);
    }

    /**
     * Makes its threads wait, so that nothing changes.
     *
     * @throws IOException if the process is gone or fails
     */
    public void stop() throws IOException {
        conversation.ask("stop");
    }

    /**
     * Lets its threads allocate, resize and free until {@link #stop}.
     *
     * @throws IOException if the process is gone or fails
     */
    public void run() throws IOException {
        conversation.ask("run");
    }

    /**
     * Lets it overwrite a word of its own memory, as a stray pointer would. It must not allocate before it is put right
     * again.
     *
     * @param address where
     * @param value the word to put there
     * @throws IOException if the process is gone
     */
    public void poke(long address, long value) throws IOException {
        conversation.ask("poke 0x%x 0x%x".formatted(address, value));
    }

    /**
     * Lets it change the rights to some of its pages.
     *
     * @param address where the first page begins
     * @param length how many bytes
     * @param rights as {@code mprotect} takes them: 0 for none, 1 to read, 3 to read and write
     * @throws IOException if the process is gone, or can't
     */
    public void protect(long address, long length, int rights) throws IOException {
        conversation.ask("protect 0x%x %d %d".formatted(address, length, rights));
    }

    /**
     * Lets it make a child, which waits until the process ends and does not have some of its pages.
     *
     * @param address where the first page begins that the child does not get
     * @param length how many bytes
     * @return the child's id
     * @throws IOException if the process is gone, or can't
     */
    public long childWithout(long address, long length) throws IOException {
        conversation.ask("hide 0x%x %d".formatted(address, length));
        return child();
    }

    /**
     * Lets it make a child, which waits until the process ends. It has all memory of the process, and of its threads the
     * main one.
     *
     * @return the child's id
     * @throws IOException if the process is gone, or can't
     */
    public long child() throws IOException {
        return Long.parseLong(conversation.ask("child").getLast().split(" ")[1]);
    }

    /**
     * Whether it has not ended.
     *
     * @return true if it lives
     */
    public boolean isAlive() {
        return conversation.isAlive();
    }

    /** Ends it, at once and however it stands. */
    @Override
    public void close() {
        conversation.end();
    }

    /** Makes it end by a signal that dumps a core into a folder, as the process sees that folder. */
    void abortIn(String folder) throws IOException {
        conversation.say("abort " + folder);
        conversation.awaitEnd();
    }

    /** Whether it runs in an emulator. */
    boolean isGuest() {
        return launch.aarch64;
    }

    /** Where the process's own root lies on this machine. */
    Path root() {
        return launch.aarch64
                ? Path.of("/")
                : launch.release.root(launch.debugSymbols).orElse(Path.of("/"));
    }
}
