// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.malloc.Corruption;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** What was damaged or missing in the part of the target that an answer needed. */
final class Problems {
    private static final int SHOWN = 20;

    private final Set<String> lines = new LinkedHashSet<>();
    private final List<Corruption> seen = new ArrayList<>();

    void add(List<Corruption> corruptions) {
        for (Corruption corruption : corruptions) {
            if (!seen.contains(corruption)) {
                seen.add(corruption);
            }
        }
    }

    void hole(long address, String reason) {
        lines.add("0x" + Long.toHexString(address) + ": " + reason);
    }

    /** Prints them. Returns the exit status. */
    int report() {
        for (Corruption corruption : seen) {
            hole(corruption.address(), corruption.reason()
                    + (corruption.arena() >= 0 ? " (arena " + corruption.arena() + ")" : ""));
        }
        int shown = 0;
        for (String line : lines) {
            if (shown++ == SHOWN) {
                Failure.say("problem: and " + (lines.size() - SHOWN) + " more");
                break;
            }
            Failure.say("problem at " + line);
        }
        return lines.isEmpty() ? Failure.FINE : Failure.DAMAGED;
    }
}
