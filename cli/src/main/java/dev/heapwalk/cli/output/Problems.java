// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.ruby.dump.DumpSummary;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** What was damaged or missing in the part of the target that an answer needed. */
public final class Problems {
    private static final int SHOWN = 20;

    private final Set<String> notices = new LinkedHashSet<>();
    private final Set<String> lines = new LinkedHashSet<>();
    private final Map<Damage, Heap> seen = new LinkedHashMap<>();

    /** What a heap, or a walk over it, met that was damaged. */
    public void add(Heap heap, List<Damage> more) {
        for (Damage damage : more) {
            if (damage.address() == Damage.NOWHERE) {
                missing(damage.reason());
            } else {
                seen.putIfAbsent(damage, heap);
            }
        }
    }

    /** What is worth knowing, though the answer may not have needed it. */
    public void notices(List<String> more) {
        notices.addAll(more);
    }

    /** A part of the answer that is missing, at no address in particular. */
    public void missing(String what) {
        lines.add("problem: " + what);
    }

    public void hole(long address, String reason) {
        lines.add("problem at 0x" + Long.toHexString(address) + ": " + reason);
    }

    /** The objects of a dump that are damaged; of very many only the first have an address. */
    public void damage(DumpSummary dump) {
        dump.damage().forEach(damage -> hole(damage.address(), damage.what()));
        if (dump.damaged() > dump.damage().size()) {
            missing("%,d objects are damaged in all".formatted(dump.damaged()));
        }
    }

    /** Prints them. Returns the exit status. */
    public int report() {
        seen.forEach((damage, heap) -> hole(damage.address(), damage.reason() + region(heap, damage.region())));
        say("notice: ", notices);
        say("", lines);
        return lines.isEmpty() ? Failure.FINE : Failure.DAMAGED;
    }

    /** Names a region as its heap does. */
    private static String region(Heap heap, int region) {
        return region < 0
                ? ""
                : " (%s %d)"
                        .formatted(heap.regions().columns().getFirst().title().toLowerCase(Locale.ROOT), region);
    }

    private static void say(String kind, Set<String> lines) {
        lines.stream().limit(SHOWN).forEach(line -> Failure.say(kind + line));
        if (lines.size() > SHOWN) {
            Failure.say("and " + (lines.size() - SHOWN) + " more");
        }
    }
}
