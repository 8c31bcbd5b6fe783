// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.ruby.RubyVm;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Finds the virtual machine of a Ruby process before that is stopped, has it stopped at a moment at which its collector
 * is at rest, and finds it as it is then.
 */
final class RubyLooks implements LookAhead {
    /** What must not go on while an answer is read. */
    enum Need {
        /** Anything may. */
        NOTHING(_ -> Rest.ALWAYS),
        /** Objects must not be moved. */
        NOTHING_MOVES(RubyVm::compactionRest),
        /** The collector must be at rest. */
        REST(RubyVm::rest);

        private final Function<RubyVm, Rest> rest;

        Need(Function<RubyVm, Rest> rest) {
            this.rest = rest;
        }
    }

    private final TargetCommand command;
    private final Need need;
    private final Consumer<RubyVm> trial;
    private Optional<RubyVm> known = Optional.empty();
    private List<ElfModule> modules = List.of();

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
        // Before the virtual machine: what is loaded later is seen as another list in the stop.
        modules = running.modules();
        known = Optional.of(RubyVm.locate(running));
        trial.accept(known.get().refresh());
    }

    @Override
    public Rest rest() {
        return known.map(need.rest).orElse(Rest.ALWAYS);
    }

    /**
     * Finds the virtual machine, and says so if its collector was at work where it must not be.
     *
     * @param opened the target
     * @param problems receives what speaks against the answer
     */
    RubyVm vm(Target opened, Problems problems) {
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
        if (known.isPresent() && known.get().target() == opened && sameModules(opened.modules())) {
            try {
                known = Optional.of(known.get().refresh());
                return known.get();
            } catch (UnsupportedTargetException e) {
                // It is another program now.
            }
        }
        known = Optional.empty();
        modules = opened.modules();
        known = Optional.of(RubyVm.locate(opened));
        return known.get();
    }

    /** Whether no module was loaded or removed, and the process has not become another program. */
    private boolean sameModules(List<ElfModule> now) {
        boolean same = now.size() == modules.size();
        for (int i = 0; same && i < now.size(); i++) {
            // What is still loaded is the same object.
            same = now.get(i) == modules.get(i);
        }
        return same;
    }
}
