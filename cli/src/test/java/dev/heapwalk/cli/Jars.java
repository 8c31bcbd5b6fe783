// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The jars that the build has packaged. */
final class Jars {
    private Jars() {}

    static List<Path> all() throws IOException {
        List<Path> jars = new ArrayList<>();
        for (Path folder :
                List.of(Run.checkout().resolve("cli/target"), Run.checkout().resolve("cli/target/lib"))) {
            try (Stream<Path> files = Files.list(folder)) {
                files.filter(file -> file.toString().endsWith(".jar")).forEach(jars::add);
            }
        }
        return jars;
    }
}
