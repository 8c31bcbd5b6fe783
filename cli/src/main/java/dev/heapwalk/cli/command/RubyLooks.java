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
        NOTHING(_ -> Rest.ALWAYS, Tears.NEVER),
        /** Objects must not be moved. */
        NO_MOVE(RubyVm::compactionRest, Tears.NEVER),
        /** Objects must not be moved, and the collector must not free some of those that are read. */
        NO_CHANGE(RubyVm::compactionRest, Tears.BY_COLLECTOR),
        /** The collector must be at rest, and not begin. */
        REST(RubyVm::rest, Tears.BY_COLLECTOR),
        /** And no object may be made: others would refer to it, and it may lie where all was read already. */
        NOTHING_NEW(RubyVm::rest, Tears.BY_ANY_OBJECT);

        private final Function<RubyVm, Rest> rest;
        private final Tears tears;

        Need(Function<RubyVm, Rest> rest, Tears tears) {
            this.rest = rest;
            this.tears = tears;
        }

        /** Whether the collector must be at rest, and not only move nothing. */
        boolean awaitsRest() {
            return this == REST || this == NOTHING_NEW;
        }
    }

    /** By what an answer is torn that is read while the process runs on. */
    private enum Tears {
        /** By nothing. */
        NEVER,
        /** By the collector, which frees objects, so that others are made in their place. */
        BY_COLLECTOR,
        /** Also by objects that are made in slots that were free, which no collector has to do with. */
        BY_ANY_OBJECT
    }

    private final Need need;

    /** Sees which objects came, went or changed. */
    private record ObjectWatch(RubyVm vm, Tears tears, Optional<Turnover> turnover) implements Watch {
        static ObjectWatch of(RubyVm vm, Tears tears) {
            return new ObjectWatch(vm, tears, tears == Tears.NEVER ? Optional.empty() : Optional.of(Turnover.from(vm)));
        }

        @Override
        public boolean changed() {
            return vm.changed();
        }

        @Override
        public Optional<String> torn(int looks) {
            boolean collected = vm.changed();
            return turnover.filter(_ -> collected || tears == Tears.BY_ANY_OBJECT)
                    .map(before -> before.until(vm.refresh()))
                    .filter(change -> isTorn(collected, change))
                    .map(change -> text(
                            collected ? "the garbage collector changed the heap" : "objects were made", change, looks));
        }

        private boolean isTorn(boolean collected, Turnover.Change change) {
            if (tears == Tears.BY_ANY_OBJECT) {
                // What was made and freed again since then has left no trace.
                return collected || change.made() > 0;
            }
            // A collection that has begun may have changed nothing yet.
            return change.slots() > 0;
        }

        private static String text(String event, Turnover.Change change, int looks) {
            return String.format(
                    Locale.ROOT,
                    "%s while it was looked at (looks: %d), so the answer may be torn: %.2f %% of the objects came, "
                            + "went or changed meanwhile (%,d of %,d)",
                    event,
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
        return ObjectWatch.of(vm, need.tears);
    }

    @Override
    void tellCollection(RubyVm vm, Problems problems) {
        if (!rest().likely()) {
            problems.missing(
                    "a garbage collection was running, so anything in the heap may have been halfway through a change");
        } else if (vm.collection() == RubyVm.Collection.SWEEPING && need.awaitsRest()) {
            problems.notices(List.of(
                    "%s is sweeping its heap step by step; garbage on pages that it has yet to sweep is told apart"
                            .formatted(vm.target().description())));
        }
    }
}
