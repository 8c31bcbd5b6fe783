// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.UnsupportedTargetException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Looks at the heaps of a process when no thread is in the middle of a change to them, and again where what is seen
 * contradicts itself all the same: damage is seen again, a change is not.
 */
final class Looks {
    /** How often a process is looked at that runs on meanwhile. */
    private static final int MOST = 3;
    /** And how often one that is stopped for each look. */
    private static final int MOST_STOPS = 5;
    /** What is seen in so many looks in a row, and nothing else, is no change. */
    private static final int LASTING = 3;

    /** Signals of what a program does wrong itself: SIGILL, SIGABRT, SIGBUS, SIGFPE and SIGSEGV. */
    private static final Set<Integer> FAULTS = Set.of(4, 6, 7, 8, 11);

    private final ReportCommand command;
    private final Rest rest;
    /** Whether no thread is in the middle of a change. */
    private boolean settled;
    /** Whether the look that is taken may not be the last one. */
    private boolean again;
    /** Where threads are in the middle of a change. */
    private Set<Place> places = Set.of();

    /** Where a thread is in the middle of a change. What does not move may be half done in each look. */
    private record Place(String thread, long programCounter, long stackPointer) {}

    /**
     * Prepares to look.
     *
     * @param command what reads the target
     * @param rest tells which threads are in the middle of a change
     */
    Looks(ReportCommand command, Rest rest) {
        this.command = command;
        this.rest = rest;
    }

    /** Whether the look that is taken may not be the last one. */
    boolean again() {
        return again;
    }

    /**
     * Looks.
     *
     * @param opened the target
     * @param problems receives what speaks against the answer
     * @param look one look: tells what was wrong in it
     * @return the answer of the look that has least against it
     */
    Report at(Target opened, Problems problems, Function<Problems, Report> look) {
        Problems seen = new Problems();
        Report report = first(opened, seen, look);
        Set<String> lasting = seen.contradictions();
        boolean sure = lasting.isEmpty();
        int looks = 1;
        int alike = 1;
        Set<String> before = seen.contradictions();
        Set<Place> standing = new HashSet<>(places);
        while (!sure
                && looks < (command.observes() ? MOST : MOST_STOPS)
                && !command.prints()
                && command.runsOnForAMoment(opened)) {
            looks++;
            Problems next = new Problems();
            try {
                begin(opened);
                Report other = look.apply(next);
                if (command.prints() || next.missesLess(seen)) {
                    report.close();
                    report = other;
                    seen = next;
                } else {
                    other.close();
                }
            } catch (UnsupportedTargetException e) {
                // It changed too much to be recognised.
                continue;
            } catch (TargetException e) {
                // What was seen before must do.
                break;
            }
            standing.retainAll(places);
            Set<String> now = next.contradictions();
            alike = now.equals(before) ? alike + 1 : 1;
            before = now;
            sure = now.isEmpty() || alike == LASTING || settled && alike > 1;
            if (command.prints()) {
                lasting = now;
            } else {
                lasting.retainAll(now);
            }
        }
        if (!seen.contradictions().isEmpty()) {
            explain(opened, seen, lasting, standing, looks);
        }
        problems.addAll(seen);
        return report;
    }

    private Report first(Target opened, Problems seen, Function<Problems, Report> look) {
        for (int looks = 1; ; looks++) {
            begin(opened);
            try {
                return look.apply(seen);
            } catch (UnsupportedTargetException e) {
                // A heap that changes meanwhile may not look like one.
                if (looks == MOST || opened.still() || !command.runsOnForAMoment(opened)) {
                    throw e;
                }
            }
        }
    }

    private void begin(Target opened) {
        settled = opened.settle(rest);
        places = settled || !opened.still() || opened.mode() == Target.Mode.CORE ? Set.of() : places(opened);
        again = !settled && command.canRunOn(opened);
    }

    private Set<Place> places(Target opened) {
        return rest.busy(opened.threads()).stream()
                .flatMap(
                        thread -> thread
                                .registers()
                                .map(at -> new Place(thread.toString(), at.programCounter(), at.stackPointer()))
                                .stream())
                .collect(Collectors.toSet());
    }

    /** Says what it may be that what was seen contradicts itself. */
    private void explain(Target opened, Problems seen, Set<String> lasting, Set<Place> standing, int looks) {
        if (opened.mode() == Target.Mode.CORE) {
            List<ThreadState> inside = rest.busy(opened.threads());
            int signal = opened.signal().orElse(0);
            if (!inside.isEmpty() && FAULTS.contains(signal)) {
                seen.crashedInside(inside.getFirst().toString(), signal);
            } else if (!inside.isEmpty()) {
                seen.caughtInCore(inside.getFirst().toString());
            }
        } else if (command.observes()) {
            seen.missing(looks);
        } else if (!standing.isEmpty()) {
            seen.caughtStanding(standing.iterator().next().thread(), looks);
        } else if (looks > 1) {
            seen.caught(lasting, looks);
        }
    }
}
