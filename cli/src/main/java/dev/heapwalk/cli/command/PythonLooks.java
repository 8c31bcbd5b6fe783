// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.python.PythonRuntime;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import picocli.CommandLine.ParameterException;

/**
 * Finds the runtime of a Python process before that is stopped, has it stopped at a moment at which no garbage
 * collection runs in any interpreter, as far as can be told, and finds it as it is then.
 */
final class PythonLooks implements LookAhead {
    /** What must not go on while an answer is read. */
    enum Need {
        /** Anything may. */
        NOTHING,
        /** No garbage collection may run. */
        REST
    }

    /** How often a process is looked at that runs on meanwhile. */
    private static final int MOST = 3;

    private final TargetCommand command;
    private final Need need;
    private final Consumer<PythonRuntime> trial;
    private Optional<Known> known = Optional.empty();

    /** A runtime, among which modules it was found, and what tells when it is at rest. */
    private record Known(ModulesAhead modules, PythonRuntime runtime, Rest rest) {
        static Known in(Target target) {
            ModulesAhead modules = ModulesAhead.of(target);
            PythonRuntime runtime = PythonRuntime.locate(target);
            return new Known(modules, runtime, runtime.rest());
        }

        boolean holdsFor(Target target) {
            return runtime.target() == target && modules.stillIn(target);
        }

        Known refreshed() {
            PythonRuntime now = runtime.refresh();
            // An interpreter that has come since has a collector of its own.
            boolean same = now.interpreters().size() == runtime.interpreters().size();
            return new Known(modules, now, same ? rest : now.rest());
        }
    }

    /**
     * Prepares to look.
     *
     * @param command what reads the target
     * @param need what must not go on meanwhile
     * @param trial does what is done in the stop, or a part of it, so that all code has run once
     */
    PythonLooks(TargetCommand command, Need need, Consumer<PythonRuntime> trial) {
        this.command = command;
        this.need = need;
        this.trial = trial;
    }

    @Override
    public void at(Target running) {
        known = Optional.empty();
        known = Optional.of(Known.in(running));
        trial.accept(known.get().runtime().refresh());
    }

    @Override
    public Rest rest() {
        return need == Need.NOTHING ? Rest.ALWAYS : known.map(Known::rest).orElse(Rest.ALWAYS);
    }

    /**
     * Takes one look at a process that stands still. At one that runs on, it looks when no collection runs, and again
     * where what is seen contradicts itself.
     *
     * @param opened the target
     * @param problems receives what speaks against the answer
     * @param look one look: is given the runtime, and tells what was wrong
     * @return the answer of the last look
     */
    <T> T at(Target opened, Problems problems, BiFunction<PythonRuntime, Problems, T> look) {
        return look(opened, problems, MOST, look);
    }

    /** As {@link #at}, but takes one look only, since its answer can't be taken back. */
    <T> T once(Target opened, Problems problems, BiFunction<PythonRuntime, Problems, T> look) {
        return look(opened, problems, 1, look);
    }

    private <T> T look(Target opened, Problems problems, int most, BiFunction<PythonRuntime, Problems, T> look) {
        if (opened.still()) {
            return look.apply(standing(opened, problems), problems);
        }
        for (int looks = 1; ; looks++) {
            boolean last = looks == most;
            Problems seen = new Problems();
            PythonRuntime runtime = located(opened);
            T answer;
            try {
                answer = look.apply(runtime, seen);
            } catch (ParameterException | TargetException e) {
                if (last) {
                    throw e;
                }
                continue;
            }
            if (last || seen.contradictions().isEmpty()) {
                problems.addAll(seen);
                return answer;
            }
            command.runsOnForAMoment(opened);
        }
    }

    /** Finds the runtime of a process that runs on, when no collection runs. */
    private PythonRuntime located(Target opened) {
        for (int tries = 1; ; tries++) {
            try {
                PythonRuntime runtime = now(opened);
                return rest().await(TargetCommand.PATIENCE) ? runtime.refresh() : runtime;
            } catch (UnsupportedTargetException e) {
                // One that changes meanwhile may not look like one.
                if (tries == MOST || !command.runsOnForAMoment(opened)) {
                    throw e;
                }
            }
        }
    }

    /** Finds the runtime of a process that stands still, and says so if a collection was running. */
    private PythonRuntime standing(Target opened, Problems problems) {
        PythonRuntime runtime = now(opened);
        if (!rest().likely() && command.runsOnForAMoment(opened)) {
            // It was not known before that it had better not be stopped.
            runtime = now(opened);
        }
        if (!rest().likely()) {
            problems.missing("a garbage collection was running, so some objects were in no list of a generation, and "
                    + "garbage may have been halfway taken apart");
        }
        return runtime;
    }

    private PythonRuntime now(Target opened) {
        if (known.isPresent() && known.get().holdsFor(opened)) {
            try {
                known = Optional.of(known.get().refreshed());
                return known.get().runtime();
            } catch (UnsupportedTargetException e) {
                // It is another program now.
            }
        }
        known = Optional.empty();
        known = Optional.of(Known.in(opened));
        return known.get().runtime();
    }
}
