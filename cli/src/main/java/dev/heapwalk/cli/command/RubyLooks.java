// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.Turnover;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import picocli.CommandLine.ParameterException;

/**
 * Finds the virtual machine of a Ruby process before that is stopped, has it stopped at a moment at which its collector
 * is at rest, and finds it as it is then.
 */
final class RubyLooks implements LookAhead {
    /** What must not go on while an answer is read. */
    enum Need {
        /** Anything may. */
        NOTHING(_ -> Rest.ALWAYS, false),
        /** Objects must not be moved. */
        NO_MOVE(RubyVm::compactionRest, false),
        /** Objects must not be moved, and the collector must not free some of those that are read. */
        NO_CHANGE(RubyVm::compactionRest, true),
        /** The collector must be at rest, and not begin. */
        REST(RubyVm::rest, true);

        private final Function<RubyVm, Rest> rest;
        private final boolean unchanged;

        Need(Function<RubyVm, Rest> rest, boolean unchanged) {
            this.rest = rest;
            this.unchanged = unchanged;
        }
    }

    /** How often a process is looked at that runs on meanwhile. */
    private static final int MOST = 3;

    private final TargetCommand command;
    private final Need need;
    private final Consumer<RubyVm> trial;
    private Optional<Known> known = Optional.empty();

    /** A virtual machine, and among which modules it was found. */
    private record Known(ModulesAhead modules, RubyVm vm) {
        static Known in(Target target) {
            ModulesAhead modules = ModulesAhead.of(target);
            return new Known(modules, RubyVm.locate(target));
        }

        boolean holdsFor(Target target) {
            return vm.target() == target && modules.stillIn(target);
        }
    }

    /**
     * Prepares to look.
     *
     * @param command what reads the target
     * @param need what must not go on meanwhile
     * @param trial does what is done in the stop, or a part of it, so that all code has run once
     */
    RubyLooks(TargetCommand command, Need need, Consumer<RubyVm> trial) {
        this.command = command;
        this.need = need;
        this.trial = trial;
    }

    @Override
    public void at(Target running) {
        known = Optional.empty();
        known = Optional.of(Known.in(running));
        trial.accept(known.get().vm().refresh());
    }

    @Override
    public Rest rest() {
        return known.map(Known::vm).map(need.rest).orElse(Rest.ALWAYS);
    }

    /**
     * Takes one look at a process that stands still. At one that runs on, it looks when the collector is at rest, and
     * again where that has changed the heap meanwhile, or what is seen contradicts itself.
     *
     * @param opened the target
     * @param problems receives what speaks against the answer
     * @param look one look: is given the virtual machine, and tells what was wrong
     * @return the answer of the last look
     */
    <T> T at(Target opened, Problems problems, BiFunction<RubyVm, Problems, T> look) {
        return look(opened, problems, MOST, look);
    }

    /** As {@link #at}, but takes one look only, since its answer can't be taken back. */
    <T> T once(Target opened, Problems problems, BiFunction<RubyVm, Problems, T> look) {
        return look(opened, problems, 1, look);
    }

    private <T> T look(Target opened, Problems problems, int most, BiFunction<RubyVm, Problems, T> look) {
        if (opened.still()) {
            return look.apply(vm(opened, problems), problems);
        }
        for (int looks = 1; ; looks++) {
            boolean last = looks == most;
            Problems seen = new Problems();
            RubyVm vm = located(opened);
            Optional<Turnover> turnover = need.unchanged ? Optional.of(Turnover.from(vm)) : Optional.empty();
            T answer;
            try {
                answer = look.apply(vm, seen);
            } catch (ParameterException | TargetException e) {
                if (last || !vm.changed()) {
                    throw e;
                }
                continue;
            }
            // One that has begun may have changed nothing yet.
            Optional<Turnover.Change> torn = turnover.filter(_ -> vm.changed())
                    .map(before -> before.until(vm.refresh()))
                    .filter(change -> change.slots() > 0);
            if (last || torn.isEmpty() && seen.contradictions().isEmpty()) {
                int taken = looks;
                torn.ifPresent(change -> seen.missing(torn(change, taken)));
                problems.addAll(seen);
                return answer;
            }
            command.runsOnForAMoment(opened);
        }
    }

    private static String torn(Turnover.Change change, int looks) {
        return String.format(
                Locale.ROOT,
                "the garbage collector changed the heap while it was looked at (looks: %d), so the answer may be torn: "
                        + "%.2f %% of the objects came, went or changed meanwhile (%,d of %,d)",
                looks,
                100 * change.share(),
                change.slots(),
                change.objects());
    }

    /** Finds the virtual machine of a process that runs on, when its collector is at rest. */
    private RubyVm located(Target opened) {
        for (int tries = 1; ; tries++) {
            try {
                RubyVm vm = now(opened);
                return need.rest.apply(vm).await(TargetCommand.PATIENCE) ? vm.refresh() : vm;
            } catch (UnsupportedTargetException e) {
                // One that changes meanwhile may not look like one.
                if (tries == MOST || !command.runsOnForAMoment(opened)) {
                    throw e;
                }
            }
        }
    }

    /** Finds the virtual machine of a process that stands still, and says so if its collector was at work. */
    private RubyVm vm(Target opened, Problems problems) {
        RubyVm vm = now(opened);
        if (!need.rest.apply(vm).likely() && command.runsOnForAMoment(opened)) {
            // It was not known before that it had better not be stopped.
            vm = now(opened);
        }
        if (!need.rest.apply(vm).likely()) {
            problems.missing(
                    "a garbage collection was running, so anything in the heap may have been halfway through a change");
        } else if (vm.collection() == RubyVm.Collection.SWEEPING && need == Need.REST) {
            problems.notices(List.of(
                    "%s is sweeping its heap step by step; garbage on pages that it has yet to sweep is told apart"
                            .formatted(opened.description())));
        }
        return vm;
    }

    private RubyVm now(Target opened) {
        if (known.isPresent() && known.get().holdsFor(opened)) {
            try {
                Known before = known.get();
                known = Optional.of(new Known(before.modules(), before.vm().refresh()));
                return known.get().vm();
            } catch (UnsupportedTargetException e) {
                // It is another program now.
            }
        }
        known = Optional.empty();
        known = Optional.of(Known.in(opened));
        return known.get().vm();
    }
}
