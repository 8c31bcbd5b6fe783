// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A Node.js to run target scripts in: sid's, the machine's own if it has one, and those that {@code HEAPWALK_NODES}
 * names, a list of executables of this machine separated by {@code :}.
 */
public final class Node {
    private static final String VARIABLE = "HEAPWALK_NODES";
    private static final String EXECUTABLE = "/usr/bin/node";

    private final String label;
    private final List<String> before;

    private Node(String label, List<String> before) {
        this.label = label;
        this.before = before;
    }

    /**
     * Those that tests are parametrised over.
     *
     * @return sid's unless {@code HEAPWALK_RELEASES} leaves it out, and all others
     */
    public static List<Node> all() {
        String named = Optional.ofNullable(System.getenv(VARIABLE)).orElse("");
        return Stream.of(
                        Release.debian().stream()
                                .filter(release -> release == Release.SID)
                                .map(release -> new Node(
                                        release.label(),
                                        Release.enter(release.root(release.label() + "-node"), List.of(EXECUTABLE)))),
                        Stream.of(EXECUTABLE)
                                .filter(own -> Files.isExecutable(Path.of(own)))
                                .map(Node::of),
                        Stream.of(named.split(File.pathSeparator))
                                .filter(executable -> !executable.isBlank())
                                .map(Node::of))
                .flatMap(each -> each)
                .toList();
    }

    private static Node of(String executable) {
        return new Node(executable, List.of(executable));
    }

    /**
     * A command line that becomes this interpreter.
     *
     * @param arguments what it is given
     * @return the line for this machine
     */
    public List<String> command(String... arguments) {
        List<String> line = new ArrayList<>(before);
        line.addAll(List.of(arguments));
        return line;
    }

    @Override
    public String toString() {
        return label;
    }
}
