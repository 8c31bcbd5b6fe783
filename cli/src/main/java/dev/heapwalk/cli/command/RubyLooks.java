// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.Turnover;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;

/** Looks at a Ruby process, at a moment at which its collector is at rest. */
final class RubyLooks extends RuntimeLooks<RubyVm> {
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

    private final Need need;

    /** Sees which objects came, went or changed. */
    private record ObjectWatch(RubyVm vm, Optional<Turnover> turnover) implements Watch {
        @Override
        public boolean changed() {
            return vm.changed();
        }

        @Override
        public Optional<String> torn(int looks) {
            return turnover.filter(_ -> vm.changed())
                    .map(before -> before.until(vm.refresh()))
                    // A collection that has begun may have changed nothing yet.
                    .filter(change -> change.slots() > 0)
                    .map(change -> text(change, looks));
        }

        private static String text(Turnover.Change change, int looks) {
            return String.format(
                    Locale.ROOT,
                    "the garbage collector changed the heap while it was looked at (looks: %d), so the answer may be "
                            + "torn: %.2f %% of the objects came, went or changed meanwhile (%,d of %,d)",
                    looks,
                    100 * change.share(),
                    change.slots(),
                    change.objects());
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
        super(command, trial);
        this.need = need;
    }

    @Override
    RubyVm locate(Target target) {
        return RubyVm.locate(target);
    }

    @Override
    RubyVm refresh(RubyVm vm) {
        return vm.refresh();
    }

    @Override
    Rest rest(RubyVm vm) {
        return need.rest.apply(vm);
    }

    @Override
    Watch watch(RubyVm vm) {
        return new ObjectWatch(vm, need.unchanged ? Optional.of(Turnover.from(vm)) : Optional.empty());
    }

    @Override
    void tellCollection(RubyVm vm, Problems problems) {
        if (!rest().likely()) {
            problems.missing(
                    "a garbage collection was running, so anything in the heap may have been halfway through a change");
        } else if (vm.collection() == RubyVm.Collection.SWEEPING && need == Need.REST) {
            problems.notices(List.of(
                    "%s is sweeping its heap step by step; garbage on pages that it has yet to sweep is told apart"
                            .formatted(vm.target().description())));
        }
    }
}
