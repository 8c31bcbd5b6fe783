// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.heap.DamageList;
import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Source;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** What the discovery concluded and on what grounds, and what it met that was damaged. */
final class Findings {
    private final List<Evidence> evidence = new ArrayList<>();
    private final DamageList damage = new DamageList();

    /** Notes a conclusion that the structures of malloc alone tell. */
    void say(String subject, String conclusion, String basis) {
        say(subject, conclusion, basis, Set.of(Source.STRUCTURE));
    }

    void say(String subject, String conclusion, String basis, Set<Source> sources) {
        evidence.add(new Evidence(subject, conclusion, sources, basis));
    }

    List<Evidence> evidence() {
        return evidence;
    }

    DamageList damage() {
        return damage;
    }

    /** A number and what is counted, in the plural where it is not one. */
    static String counted(long count, String noun) {
        return count + " " + noun + (count == 1 ? "" : "s");
    }
}
