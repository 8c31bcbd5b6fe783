// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.IOException;
import java.util.List;
import java.util.Map;

/** A process that makes structures of a library, tells where each lies, and waits. */
public final class ToldProcess implements AutoCloseable {
    private final Conversation conversation;

    private ToldProcess(Conversation conversation) {
        this.conversation = conversation;
    }

    /**
     * Starts a program of the testkit in C: {@code glib}, {@code sqlite} or {@code openssl}.
     *
     * @param release where it runs, which must have the library
     * @param name name of the source among the testkit's resources, without {@code .c}
     * @param environment variables that it gets besides
     * @return the process; to be closed
     * @throws IOException if it can't be compiled or started
     */
    public static ToldProcess start(Release release, String name, Map<String, String> environment) throws IOException {
        return start(
                name + " on " + release.label(),
                release.command(false, List.of(CProgram.portable(name).install(release, false))),
                environment);
    }

    /**
     * Starts the program of the testkit in C++, which tells how many objects it has and not where they are.
     *
     * @param options options for {@code g++}
     * @return the process, in the machine's own release; to be closed
     * @throws IOException if it can't be compiled or started
     */
    public static ToldProcess startCpp(String... options) throws IOException {
        return start("world", List.of(CProgram.cpp("g++", "world", options).toString()), Map.of());
    }

    private static ToldProcess start(String subject, List<String> command, Map<String, String> environment)
            throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().putAll(environment);
        return new ToldProcess(Conversation.start(subject, builder));
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
     * Where its structures lie.
     *
     * @return addresses
     */
    public List<Long> addresses() {
        return conversation.told().stream()
                .map(line -> line.split(" "))
                .filter(words -> words.length == 2 && words[1].startsWith("0x"))
                .map(words -> Long.decode(words[1]))
                .toList();
    }

    @Override
    public void close() {
        conversation.end();
    }
}
