// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.dump.DumpSummary;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** What was damaged or missing in the part of the target that an answer needed. */
public final class Problems {
    private static final int SHOWN = 20;

    private final Set<String> notices = new LinkedHashSet<>();
    private final Set<String> lines = new LinkedHashSet<>();
    private final Map<Damage, Heap> seen = new LinkedHashMap<>();
    private long leftOutBytes;
    private long walkedBytes;
    /** Which of the contradictions are damage; empty if all are. The others were seen in the middle of a change. */
    private Optional<Set<String>> damage = Optional.empty();
    /** By whom, or in how many looks. */
    private String caught = "";
    /** The thread that a core shows inside malloc; empty if it is no core, or there is none. */
    private String inside = "";

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

    /** What a walk over a heap met, which is at its end. */
    public void add(Heap heap, BlockCursor walk) {
        add(heap, walk.damage());
        walked(walk);
    }

    /** How much a walk has left out. */
    public void walked(BlockCursor walk) {
        leftOutBytes += walk.leftOutBytes();
        walkedBytes += walk.totalBytes();
    }

    /** What was wrong in one look. */
    public void addAll(Problems look) {
        notices.addAll(look.notices);
        lines.addAll(look.lines);
        seen.putAll(look.seen);
        damage = look.damage;
        caught = look.caught;
        inside = look.inside;
        leftOutBytes += look.leftOutBytes;
        walkedBytes += look.walkedBytes;
    }

    /** What can't be right: the places, and what has no place. Another look at the same damage tells the same. */
    public Set<String> contradictions() {
        Set<String> all = new LinkedHashSet<>(lines);
        seen.keySet().forEach(each -> all.add(place(each)));
        return all;
    }

    /** Whether another look has more against it. */
    public boolean missesLess(Problems other) {
        return leftOutBytes != other.leftOutBytes
                ? leftOutBytes < other.leftOutBytes
                : contradictions().size() < other.contradictions().size();
    }

    /**
     * Only what was seen in each of several looks is damage: a process that goes on is not always caught at one place.
     */
    public void caught(Set<String> lasting, int looks) {
        damage = Optional.of(Set.copyOf(lasting));
        caught = "each of %d looks fell into the middle of a change".formatted(looks);
    }

    /** Nobody can tell damage from a change that is half done in each look. */
    public void caughtStanding(String thread, int looks) {
        damage = Optional.of(Set.of());
        caught = "%s did not move %s"
                .formatted(thread, looks == 1 ? "" : "in %d looks".formatted(looks))
                .strip();
    }

    /** Nobody can tell damage from a change that was half done when the core was written. */
    public void caughtInCore(String thread) {
        damage = Optional.of(Set.of());
        inside = thread;
    }

    /** What malloc fell over is damage, as far as one can tell. */
    public void crashedInside(String thread, int signal) {
        lines.add(thread
                + " was inside malloc when signal %d ended the process: what contradicts itself is likely the damage"
                        .formatted(signal)
                + " that malloc met with there");
    }

    /** Says which part of a heap is missing that went on changing while it was looked at. */
    public void missing(int looks) {
        if (walkedBytes > 0) {
            notices.add(String.format(
                    Locale.ROOT,
                    "the heap changed while it was looked at (looks: %d); %.2f %% of it (%,d of %,d bytes) is missing",
                    looks,
                    100.0 * leftOutBytes / walkedBytes,
                    leftOutBytes,
                    walkedBytes));
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
        List<String> halfDone = new ArrayList<>();
        damage.ifPresent(lasting -> lines.removeIf(line -> !lasting.contains(line) && halfDone.add(line)));
        seen.forEach((each, heap) -> {
            String reason = each.reason() + region(heap, each.region());
            if (damage.isEmpty() || damage.get().contains(place(each))) {
                hole(each.address(), reason);
            } else {
                halfDone.add("at " + place(each) + ": " + reason);
            }
        });
        if (!inside.isEmpty()) {
            halfDone.forEach(each -> lines.add("caught inside malloc " + each));
            lines.add(inside
                    + " was inside malloc when the core was written: what contradicts itself may be a change that"
                    + " was half done, or the damage that this thread met with");
        } else if (!halfDone.isEmpty()) {
            caught(halfDone);
        }
        say("notice: ", notices);
        say("", lines);
        return lines.isEmpty() ? Failure.FINE : Failure.DAMAGED;
    }

    private void caught(List<String> halfDone) {
        String what = "caught inside malloc: %s, %s%s; %s"
                .formatted(
                        caught,
                        halfDone.getFirst(),
                        halfDone.size() > 1 ? " and %,d more".formatted(halfDone.size() - 1) : "",
                        leftOutBytes > 0
                                ? "%,d of %,d bytes were left out".formatted(leftOutBytes, walkedBytes)
                                : "nothing was left out");
        if (leftOutBytes > 0) {
            lines.add(what);
        } else {
            notices.add(what);
        }
    }

    private static String place(Damage damage) {
        return "0x" + Long.toHexString(damage.address());
    }

    /** Names a region as its heap does. */
    private static String region(Heap heap, int region) {
        return region < 0
                ? ""
                : " (%s %d)"
                        .formatted(
                                heap.regions().columns().getFirst().title().toLowerCase(Locale.ROOT),
                                heap.firstRegion() + region);
    }

    private static void say(String kind, Set<String> lines) {
        lines.stream().limit(SHOWN).forEach(line -> Failure.say(kind + line));
        if (lines.size() > SHOWN) {
            Failure.say("and " + (lines.size() - SHOWN) + " more");
        }
    }
}
