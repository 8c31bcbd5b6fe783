// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import dev.heapwalk.testkit.fuzz.Seeds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The cores of other people's machines that a folder has which the environment names, to be read as they are. */
public final class GivenCores {
    private GivenCores() {}

    /**
     * Those whose name has a beginning. A packed one is unpacked.
     *
     * @param beginning how the file's name begins, such as {@code ruby-}
     * @param folder where to put what is unpacked
     * @return the files, in the order of their names; empty if the environment names no folder
     * @throws IOException if one can't be unpacked
     */
    public static List<Path> named(String beginning, Path folder) throws IOException {
        String given = System.getenv(Seeds.CORES);
        if (given == null || given.isEmpty()) {
            return List.of();
        }
        List<Path> cores = new ArrayList<>();
        try (Stream<Path> files = Files.list(Path.of(given))) {
            for (Path file : files.sorted().toList()) {
                String name = file.getFileName().toString();
                if (name.startsWith(beginning) && name.endsWith(".core")) {
                    cores.add(file);
                } else if (name.startsWith(beginning) && name.endsWith(".core.xz")) {
                    Path core = folder.resolve(name.substring(0, name.length() - ".xz".length()));
                    // Without pages of zeros, of which most of a core may consist.
                    Command.of(List.of(
                                    "sh",
                                    "-c",
                                    "xz -dc \"$1\" | dd of=\"$2\" conv=sparse bs=64k status=none",
                                    "sh",
                                    file.toString(),
                                    core.toString()))
                            .run("unpack " + file);
                    cores.add(core);
                }
            }
        }
        return cores;
    }
}
