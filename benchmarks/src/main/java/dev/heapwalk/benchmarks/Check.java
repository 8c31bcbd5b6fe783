// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Holds figures against what was accepted. Those of a short run are held against limits that any machine keeps, however
 * loaded it is: nothing is allocated where nothing should be, and the CPU time is a few times that of C at most.
 */
final class Check {
    /** A ratio that has grown by more than this is a regression; so is what is allocated. */
    private static final double TOLERANCE = 1.10;
    /** Bytes for a step: what a walk makes before its first step is nothing beside a million steps. */
    private static final double MOST_PER_STEP = 1;
    /** Whole commands are not measured in turn with anything, so that others on the machine show more. */
    private static final double COMMAND_TOLERANCE = 1.25;
    /** Whatever was accepted, and on any machine: nothing takes more than so many times the CPU time of C. */
    private static final double COARSE = 3;
    /** Wall time is compared only where both runs had the machine to themselves. */
    private static final double CALM = 1.0;

    private final Suite.Set set;
    private final Results accepted;

    Check(Suite.Set set, Results accepted) {
        this.set = set;
        this.accepted = accepted;
    }

    /** What is worse than it may be. */
    List<String> of(Subject<?> subject, Results.Result result) {
        Measurement measurement = result.measurement();
        List<String> wrong = new ArrayList<>();
        double allocated = measurement.ways().get(Way.JAVA).allocated();
        if (subject.allocation() == Allocation.NOTHING && allocated >= 1) {
            wrong.add(String.format(Locale.ROOT, "%s allocates %.0f B/op", subject.name(), allocated));
        }
        if (subject.allocation() == Allocation.NOTHING_PER_STEP && !(measurement.allocatedPerStep() < MOST_PER_STEP)) {
            wrong.add(String.format(
                    Locale.ROOT,
                    "%s allocates %.1f B for each of %,d steps",
                    subject.name(),
                    measurement.allocatedPerStep(),
                    measurement.steps()));
        }
        if (set == Suite.Set.SHORT) {
            Double ratio = measurement.best().get("c cpu");
            if (subject.ways().contains(Way.C) && !(ratio != null && ratio <= COARSE)) {
                wrong.add(String.format(
                        Locale.ROOT,
                        "%s takes %.2f times the CPU time of C at best, more than %.0f",
                        subject.name(),
                        ratio,
                        COARSE));
            }
            return wrong;
        }
        Results.Result before = accepted.results().get(subject.name());
        if (before == null) {
            return wrong;
        }
        String when = before.circumstances().commit();
        double allocatedThen = before.measurement().ways().get(Way.JAVA).allocated();
        if (subject.allocation() == Allocation.BY_NATURE && !(allocated <= allocatedThen * TOLERANCE)) {
            wrong.add(String.format(
                    Locale.ROOT,
                    "%s allocates %.0f B/op, and did %.0f (%s)",
                    subject.name(),
                    allocated,
                    allocatedThen,
                    when));
        }
        boolean calm =
                before.circumstances().load() < CALM && result.circumstances().load() < CALM;
        for (Map.Entry<String, Double> then : before.measurement().ratios().entrySet()) {
            Double ratio = measurement.ratios().get(then.getKey());
            if (ratio == null) {
                wrong.add("%s: the ratio to %s is not measured any more (%s)"
                        .formatted(subject.name(), then.getKey(), when));
            } else if ((calm || then.getKey().endsWith("cpu")) && !(ratio <= then.getValue() * TOLERANCE)) {
                wrong.add(String.format(
                        Locale.ROOT,
                        "%s: the ratio to %s is %.2f, and was %.2f (%s)",
                        subject.name(),
                        then.getKey(),
                        ratio,
                        then.getValue(),
                        when));
            }
        }
        return wrong;
    }

    /** What is worse than it may be. */
    List<String> of(String name, Results.Command command) {
        Results.Command before = accepted.commands().get(name);
        if (before == null) {
            return List.of();
        }
        List<String> wrong = new ArrayList<>();
        compare(wrong, name, "s of CPU time", command.cpuSeconds(), before.cpuSeconds(), before.circumstances());
        compare(
                wrong,
                name,
                "MiB at its peak",
                command.peakMegabytes(),
                before.peakMegabytes(),
                before.circumstances());
        return wrong;
    }

    private static void compare(
            List<String> wrong,
            String name,
            String what,
            double now,
            double then,
            Results.Circumstances circumstances) {
        // Neither is known of what another process does.
        if (!Double.isNaN(then) && !(now <= then * COMMAND_TOLERANCE)) {
            wrong.add(String.format(
                    Locale.ROOT, "%s took %.3g %s, and did %.3g (%s)", name, now, what, then, circumstances.commit()));
        }
    }

    /** Whether there is nothing to hold it against. */
    boolean lacks(Subject<?> subject) {
        return set != Suite.Set.SHORT && !accepted.results().containsKey(subject.name());
    }

    /** Whether there is nothing to hold it against. */
    boolean lacks(String command) {
        return !accepted.commands().containsKey(command);
    }
}
