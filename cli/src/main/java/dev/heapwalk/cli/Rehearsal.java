// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What {@code bin/heapwalk} has the JVM run to make its AOT cache from: commands over the demos, in one JVM. The cache
 * has the classes that they load, and what the compilers should know of their methods. Where no Ruby or no
 * Python is installed the commands for it fail, which does not matter.
 */
final class Rehearsal {
    private Rehearsal() {}

    /**
     * Runs the commands.
     *
     * @param args none
     * @throws IOException if no temporary file can be made
     */
    public static void main(String[] args) throws IOException {
        Heapwalk.run("summary", "demo");
        Heapwalk.run("sizes", "demo");
        Heapwalk.run("memory", "demo");
        Heapwalk.run("watch", "demo", "--looks", "2", "--every", "100ms");
        Heapwalk.run("select", "demo", "size > 4K and kind ~ 'string' or state = FREE");
        Heapwalk.run("retained", "demo");
        Heapwalk.run("leaks", "demo");
        Path file = Files.createTempFile("heapwalk", ".json");
        try {
            Heapwalk.run("ruby", "dump", "demo", "--format", "objectspace", "-o", file.toString());
            Heapwalk.run("ruby", "dump", "demo", "-o", file.toString());
            Heapwalk.run("ruby", "count", "demo");
            Heapwalk.run("python", "dump", "demo", "-o", file.toString());
            Heapwalk.run("python", "count", "demo");
        } finally {
            Files.deleteIfExists(file);
        }
    }
}
