// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** All that is measured. A new subject is described in a class of its own, and has its place here. */
final class Suite {
    private Suite() {}

    /** How much is measured; each set holds those before it. */
    enum Set {
        /** What the build measures at its end. */
        SHORT,
        /** Everything of interest, up to a million chunks or objects. */
        QUICK,
        /** All sizes, with targets of several gigabytes. */
        FULL
    }

    /** All subjects, in the order of the page. */
    static List<Subject<?>> subjects() {
        return Stream.of(
                        ChunkWalk.subjects(),
                        SlotWalk.subjects(),
                        ObjectWalk.subjects(),
                        BlockWalk.subjects(),
                        RemoteRead.subjects(),
                        StructView.subjects(),
                        ObjectView.subjects(),
                        Downcall.subjects(),
                        Locate.subjects(),
                        Refresh.subjects(),
                        Categorize.subjects(),
                        DumpJson.subjects())
                .<Subject<?>>flatMap(List::stream)
                .toList();
    }

    /** The subject of that name. */
    static Optional<Subject<?>> subject(String name) {
        return subjects().stream().filter(each -> each.name().equals(name)).findFirst();
    }

    /** A number of blocks or objects as it stands in names. */
    static String count(int count) {
        return count % 1_000_000 == 0
                ? count / 1_000_000 + "M"
                : count % 1000 == 0 ? count / 1000 + "k" : String.valueOf(count);
    }

    /** A number of bytes as it stands in names. */
    static String bytes(int bytes) {
        return bytes >= 1 << 20 ? (bytes >> 20) + "MiB" : (bytes >> 10) + "KiB";
    }
}
