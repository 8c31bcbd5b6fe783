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

/**
 * A Ruby process that runs a script of the testkit: it makes what the script is for, collects its garbage, and then
 * waits for commands. Between commands nothing in it changes, except in the scripts {@code churn} and {@code moments}.
 *
 * <p>Scripts: {@code every_type} (every type and kind of reference), {@code values} (a table of values that it
 * describes itself), {@code frames} (threads and fibers that wait inside known methods), {@code deep} (a method that
 * has called itself as often as the argument says), {@code globals} (global variables of all kinds), {@code beginnings}
 * (threads and fibers that begin in C, code whose lines begin below zero, and processes that it forks), {@code ractors}
 * (from 3.0 on), {@code stdlib} (the standard library and as many objects as the argument says), {@code little} (few
 * objects, but of every type that needs no library), {@code contents} (what the core library keeps in structures of C),
 * {@code churn} (threads that go on allocating), {@code moments} (a thread that writes one number everywhere, and then
 * the next), {@code keeps} (objects of the extension {@code keeps.c}, which is its argument), {@code gems} (objects of
 * the C extensions that programs use most; for {@link Ruby#withGems}), {@code rails} (a Rails application under Puma;
 * for the same). What the commands are is written in {@code
 * target.rb} and in each script.
 *
 * <p>It ends when this is closed, and when the JVM ends in whatever way.
 */
public final class RubyProcess implements AutoCloseable {
    private static final List<String> FILES = List.of(
            "target.rb",
            "every_type.rb",
            "values.rb",
            "frames.rb",
            "frames_required.rb",
            "globals.rb",
            "beginnings.rb",
            "ractors.rb",
            "stdlib.rb",
            "churn.rb",
            "moments.rb",
            "deep.rb",
            "little.rb",
            "contents.rb",
            "keeps.rb",
            "gems.rb",
            "rails.rb");

    private final Launch launch;
    private final TemporaryFolder folder;
    private final Conversation conversation;
    private int files;

    private RubyProcess(Launch launch, TemporaryFolder folder, Conversation conversation) {
        this.launch = launch;
        this.folder = folder;
        this.conversation = conversation;
    }

    /** How to start a Ruby process. */
    public static final class Launch {
        private final Ruby ruby;
        private final String script;
        private final List<String> options = new ArrayList<>();
        private final List<String> arguments = new ArrayList<>();
        private final Map<String, String> environment = new LinkedHashMap<>(Map.of("LC_ALL", "C.UTF-8"));
        private Preloaded preloaded = Preloaded.NOTHING;
        private boolean contained;

        private Launch(Ruby ruby, String script) {
            this.ruby = ruby;
            this.script = script;
        }

        /**
         * Gives the interpreter an option.
         *
         * @param option for example {@code --disable=gems}
         * @return this
         */
        public Launch option(String option) {
            options.add(option);
            return this;
        }

        /**
         * Gives the script an argument.
         *
         * @param argument what the script takes
         * @return this
         */
        public Launch argument(Object argument) {
            arguments.add(argument.toString());
            return this;
        }

        /**
         * Gives it an environment variable.
         *
         * @param name for example {@code RUBY_GC_HEAP_INIT_SLOTS}
         * @param value its value
         * @return this
         */
        public Launch env(String name, String value) {
            environment.put(name, value);
            return this;
        }

        /**
         * Runs it in a pid namespace of its own, where its process id is 1.
         *
         * @return this
         */
        public Launch contained() {
            contained = true;
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
        public RubyProcess start() throws IOException {
            Path root = ruby.root();
            TemporaryFolder folder = TemporaryFolder.in(root.resolve("tmp"), "heapwalk-ruby");
            try {
                for (String file : FILES) {
                    try (InputStream in = RubyProcess.class.getResourceAsStream("ruby/" + file)) {
                        if (in == null) {
                            throw new NoSuchFileException(file, null, "the testkit has no such script");
                        }
                        Files.copy(in, folder.path().resolve(file));
                    }
                }
                List<String> line = new ArrayList<>(options);
                line.add(seen(root, folder.path().resolve(script + ".rb")));
                line.addAll(arguments);
                List<String> command = ruby.command(preloaded.before(root, folder), line);
                ProcessBuilder builder = new ProcessBuilder(contained ? Release.contained(command) : command);
                builder.environment().putAll(environment);
                return new RubyProcess(this, folder, Conversation.start(toString(), builder));
            } catch (IOException | RuntimeException e) {
                folder.close();
                throw e;
            }
        }

        @Override
        public String toString() {
            return script + ".rb " + arguments + " in " + ruby + (options.isEmpty() ? "" : " with " + options);
        }
    }

    /**
     * Prepares to start a Ruby process.
     *
     * @param ruby the interpreter
     * @param script the script's name without {@code .rb}
     * @return how to start it
     */
    public static Launch of(Ruby ruby, String script) {
        return new Launch(ruby, script);
    }

    /**
     * Its process id.
     *
     * @return the id, also seen from this machine
     */
    public long pid() {
        // The one that makes the namespace stays outside of it, and the first one inside is its child.
        return launch.contained
                ? ProcessHandle.of(conversation.pid())
                        .flatMap(outside -> outside.children().findFirst())
                        .orElseThrow(() -> new IllegalStateException(launch + " has ended"))
                        .pid()
                : conversation.pid();
    }

    /**
     * What it runs in.
     *
     * @return the interpreter
     */
    public Ruby ruby() {
        return launch.ruby;
    }

    /**
     * The path of a file of the testkit as the process itself knows it.
     *
     * @param file a script, for example {@code frames.rb}
     * @return its absolute path in the process's root
     */
    public String seen(String file) {
        return seen(launch.ruby.root(), folder.path().resolve(file));
    }

    /**
     * Lets it do something.
     *
     * @param command one of the script's commands and what belongs to it
     * @return the lines it answered
     * @throws IOException if the process is gone or fails; with Ruby's words
     */
    public List<String> ask(String command) throws IOException {
        return conversation.ask(command);
    }

    /**
     * Lets it write a file.
     *
     * @param command one of the script's commands that take a path as the last word, without that path
     * @return the file, as this machine sees it; it goes with the process
     * @throws IOException if the process is gone or fails; with Ruby's words
     */
    public Path askForFile(String command) throws IOException {
        Path file = folder.path().resolve(command.replaceAll("\\W.*", "") + "-" + ++files);
        ask(command + " " + seen(launch.ruby.root(), file));
        return file;
    }

    /**
     * Lets it dump its own heap.
     *
     * @return the file with what {@code ObjectSpace.dump_all} wrote, one JSON object a line; it goes with the process
     * @throws IOException if the process is gone or fails
     */
    public Path dumpAll() throws IOException {
        return askForFile("dump_all");
    }

    /**
     * Whether it has not ended.
     *
     * @return true if it lives
     */
    public boolean isAlive() {
        return conversation.isAlive();
    }

    /** Ends it, at once and however it stands, and removes the files it wrote. */
    @Override
    public void close() {
        conversation.end();
        try {
            folder.close();
        } catch (IOException e) {
            throw new UncheckedIOException("could not remove what " + launch + " wrote", e);
        }
    }

    private static String seen(Path root, Path file) {
        return "/" + root.relativize(file);
    }
}
