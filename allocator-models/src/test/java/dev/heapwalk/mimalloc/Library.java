// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.allocator.NamedLibrary;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * A library that programs are run with by {@code LD_PRELOAD}: what Debian's releases package, and what {@code
 * HEAPWALK_MIMALLOCS} names. Bullseye has none; trixie's, 3.0.1, crashes where it is preloaded.
 *
 * @param release where the programs run
 * @param file what is preloaded there
 * @param name what the heap is called
 */
record Library(Release release, String file, String name) {
    static final Library TWO = new Library(Release.BOOKWORM, "libmimalloc.so.2", "mimalloc 2");
    static final Library THREE = new Library(Release.SID, "libmimalloc.so.3", "mimalloc 3");

    /** Paths of other libraries, separated by colons, whose file names begin with their versions, such as v2.1.2. */
    private static final String VARIABLE = "HEAPWALK_MIMALLOCS";

    static Stream<Library> all() {
        List<Library> libraries = new ArrayList<>(Stream.of(TWO, THREE)
                .filter(library -> Release.debian().contains(library.release))
                .toList());
        NamedLibrary.of(VARIABLE)
                .map(named -> new Library(
                        Release.HOST,
                        named.file().toString(),
                        "mimalloc " + named.version().charAt(0)))
                .forEach(libraries::add);
        return libraries.stream();
    }

    LedgerProcess.Launch of(String scenario) {
        return LedgerProcess.of(release, scenario).preload(file);
    }

    @Override
    public String toString() {
        return release.label() + " " + file;
    }
}
