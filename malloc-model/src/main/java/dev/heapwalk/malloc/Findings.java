// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import java.util.ArrayList;
import java.util.List;

/** What the discovery concluded and on what grounds, and what it met that was damaged. */
final class Findings {
    private final List<Evidence> evidence = new ArrayList<>();
    private final Corruptions corruptions = new Corruptions();

    void say(String subject, String conclusion, String basis) {
        evidence.add(new Evidence(subject, conclusion, basis));
    }

    List<Evidence> evidence() {
        return evidence;
    }

    Corruptions corruptions() {
        return corruptions;
    }

    /** A number and what is counted, in the plural where it is not one. */
    static String counted(long count, String noun) {
        return count + " " + noun + (count == 1 ? "" : "s");
    }
}
