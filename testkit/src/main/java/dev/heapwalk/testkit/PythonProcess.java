// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A Python process that runs a script of the testkit, {@code target.py} if no other is named: it makes objects of many
 * kinds, collects its garbage, and then waits for commands, which are written at the head of the script.
 *
 * <p>It ends when this is closed, and when the JVM ends in whatever way.
 */
public final class PythonProcess implements AutoCloseable {
    private static final String TARGET = "target.py";
    private static final String WORLD = "world.py";
    private static final String LIBRARY = "library.py";
    private static final long POLL_MILLIS = 2;

    private final Launch launch;
    private final TemporaryFolder folder;
    private final Conversation conversation;

    private PythonProcess(Launch launch, TemporaryFolder folder, Conversation conversation) {
        this.launch = launch;
        this.folder = folder;
        this.conversation = conversation;
    }

    /** How to start a Python process. */
    public static final class Launch {
        private final Python python;
        private String script = TARGET;
        private final List<String> arguments = new ArrayList<>();
        private final List<String> options = new ArrayList<>();
        private final Map<String, String> environment = new LinkedHashMap<>(Map.of("LC_ALL", "C.UTF-8"));
        private Preloaded preloaded = Preloaded.NOTHING;

        private Launch(Python python) {
            this.python = python;
        }

        /**
         * Takes another script.
         *
         * @param name its file, for example {@code frames.py}
         * @return this
         */
        public Launch script(String name) {
            script = name;
            return this;
        }

        /**
         * Gives the script an argument.
         *
         * @param argument what it needs
         * @return this
         */
        public Launch argument(String argument) {
            arguments.add(argument);
            return this;
        }

        /**
         * Gives the interpreter an option.
         *
         * @param option for example {@code -S}
         * @return this
         */
        public Launch option(String option) {
            options.add(option);
            return this;
        }

        /**
         * Gives it an environment variable.
         *
         * @param name for example {@code PYTHONMALLOC}
         * @param value its value
         * @return this
         */
        public Launch env(String name, String value) {
            environment.put(name, value);
            return this;
        }

        /**
         * Loads a library before all others.
         *
         * @param library a file of this machine, of which it gets a copy
         * @return this
         */
        public Launch preload(Path library) {
            preloaded = new Preloaded(Optional.of(library));
            return this;
        }

        /**
         * Starts it and waits until the script has made all.
         *
         * @return the process; to be closed
         * @throws IOException if it can't be started, or fails
         */
        public PythonProcess start() throws IOException {
            Path root = python.root();
            TemporaryFolder folder = TemporaryFolder.in(root.resolve("tmp"), "heapwalk-python");
            try {
                Path copy = copy(script, folder);
                copy(LIBRARY, folder);
                List<String> line = new ArrayList<>(options);
                line.add("/" + root.relativize(copy));
                line.addAll(arguments);
                ProcessBuilder builder = new ProcessBuilder(python.command(preloaded.before(root, folder), line));
                builder.environment().putAll(environment);
                return new PythonProcess(this, folder, Conversation.start(toString(), builder));
            } catch (IOException | RuntimeException e) {
                folder.close();
                throw e;
            }
        }

        private static Path copy(String name, TemporaryFolder folder) throws IOException {
            Path script = folder.path().resolve(name);
            try (InputStream in = PythonProcess.class.getResourceAsStream("python/" + name)) {
                if (in == null) {
                    throw new NoSuchFileException(name, null, "the testkit has no such script");
                }
                Files.copy(in, script);
            }
            return script;
        }

        @Override
        public String toString() {
            return Stream.concat(Stream.of(script), arguments.stream()).collect(Collectors.joining(" ")) + " in "
                    + python + (options.isEmpty() ? "" : " with " + options);
        }
    }

    /** What is done while a process is stopped. */
    @FunctionalInterface
    public interface Look {
        /**
         * Looks at it.
         *
         * @throws Exception if that fails
         */
        void look() throws Exception;
    }

    /**
     * Prepares to start a Python process.
     *
     * @param python the interpreter
     * @return how to start it
     */
    public static Launch of(Python python) {
        return new Launch(python);
    }

    /**
     * Prepares to start an application.
     *
     * @param python the interpreter
     * @param application what it runs
     * @return how to start it
     */
    public static Launch of(Python python, PythonApplication application) {
        return new Launch(python).script(WORLD).argument(application.argument());
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
     * What it runs in.
     *
     * @return the interpreter
     */
    public Python python() {
        return launch.python;
    }

    /**
     * Lets it do something.
     *
     * @param command one of the script's commands and what belongs to it
     * @return the lines it answered
     * @throws IOException if the process is gone or fails; with Python's words
     */
    public List<String> ask(String command) throws IOException {
        return conversation.ask(command);
    }

    /**
     * Lets it do something in whose midst it stops itself by a signal, so that it can be looked at as it is then.
     *
     * @param command one of the script's commands that stop the process
     * @param look what is done while it is stopped
     * @return the lines it answered, before the stop and behind it
     * @throws Exception if the process is gone or fails, or the look does
     */
    public List<String> askStopped(String command, Look look) throws Exception {
        conversation.say(command);
        awaitStop();
        try {
            look.look();
        } finally {
            Command.of(List.of("kill", "-CONT", Long.toString(pid()))).run("let process " + pid() + " go on");
        }
        return conversation.answer();
    }

    /**
     * Lets it write a file, as {@link #askStopped} does.
     *
     * @param command a command that takes the path of a file, and stops the process
     * @param look what is done while it is stopped
     * @return the file, which is there until this is closed
     * @throws Exception if the process is gone or fails, or the look does
     */
    public Path askStoppedForFile(String command, Look look) throws Exception {
        Path file = file(command);
        askStopped(command + " " + inside(file), look);
        return file;
    }

    /**
     * A file for the process to write.
     *
     * @param name its name
     * @return where it will be for this machine
     */
    public Path file(String name) {
        return folder.path().resolve(name);
    }

    /**
     * What the process has to call a file.
     *
     * @param file what {@link #file} told
     * @return its path in the root of the process
     */
    public String inside(Path file) {
        return "/" + launch.python.root().relativize(file);
    }

    /**
     * Tells it something without waiting for an answer, which {@link #answer} takes.
     *
     * @param command one of the script's commands
     * @throws IOException if the process is gone
     */
    public void say(String command) throws IOException {
        conversation.say(command);
    }

    /**
     * Waits for the answer to what it was told last.
     *
     * @return the lines it answered
     * @throws IOException if the process is gone or fails
     */
    public List<String> answer() throws IOException {
        return conversation.answer();
    }

    /**
     * Lets it end by a signal that dumps a core.
     *
     * @param folder where to, as the process sees it
     * @return what it has told of its objects before, as the command {@code crash} says
     * @throws IOException if the process fails, or does not end
     */
    public List<String> crashIn(String folder) throws IOException {
        List<String> told = ask("crash " + folder);
        conversation.awaitEnd();
        return told;
    }

    private void awaitStop() throws IOException, InterruptedException {
        Path stat = Path.of("/proc/" + pid() + "/stat");
        long end = System.nanoTime() + ThisMachine.PATIENCE.toNanos();
        while (System.nanoTime() < end) {
            String fields = Files.readString(stat);
            if (fields.charAt(fields.lastIndexOf(')') + 2) == 'T') {
                return;
            }
            Thread.sleep(POLL_MILLIS);
        }
        throw new IOException(launch + ": did not stop itself");
    }

    /** Ends it, at once and however it stands, and removes its script. */
    @Override
    public void close() {
        conversation.end();
        try {
            folder.close();
        } catch (IOException e) {
            throw new UncheckedIOException("could not remove the script of " + launch, e);
        }
    }
}
