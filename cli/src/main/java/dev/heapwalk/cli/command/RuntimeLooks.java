// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.UnsupportedTargetException;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import picocli.CommandLine.ParameterException;

/**
 * Finds the runtime of a language in a process before that is stopped, has it stopped at a moment at which its
 * collector is at rest, and finds it as it is then.
 *
 * @param <R> the runtime
 */
abstract class RuntimeLooks<R> implements LookAhead {
    /** How often a process is looked at that runs on meanwhile. */
    private static final int MOST = 3;

    private final TargetCommand command;
    private final Consumer<R> trial;
    private Optional<Known<R>> known = Optional.empty();

    /**
     * What is known of a target.
     *
     * @param target the target
     * @param modules its modules when the runtime was found
     * @param runtime the runtime
     * @param rest tells when the runtime is at rest
     */
    private record Known<R>(Target target, ModulesAhead modules, R runtime, Rest rest) {
        boolean holdsFor(Target other) {
            return target == other && modules.stillIn(other);
        }
    }

    /** Sees what a runtime does while it is looked at. */
    interface Watch {
        /** Whether it may have changed, so that another look may see what this one did not. */
        boolean changed();

        /**
         * Tells why the answer may be torn, if it may.
         *
         * @param looks how often it was looked for the answer
         */
        Optional<String> torn(int looks);
    }

    /**
     * Prepares to look.
     *
     * @param command what reads the target
     * @param trial does what is done in the stop, or a part of it, so that all code has run once
     */
    RuntimeLooks(TargetCommand command, Consumer<R> trial) {
        this.command = command;
        this.trial = trial;
    }

    /** Finds the runtime. */
    abstract R locate(Target target);

    /** The runtime as it is now. */
    abstract R refresh(R runtime);

    /** What must not go on while the answer is read. */
    abstract Rest rest(R runtime);

    /** The same of a runtime that was refreshed. */
    Rest rest(R now, R before, Rest rest) {
        return rest(now);
    }

    /** Begins to watch a runtime that runs on. */
    abstract Watch watch(R runtime);

    /** Tells of a process that stands still what its collector was doing. */
    abstract void tellCollection(R runtime, Problems problems);

    @Override
    public final void at(Target running) {
        trial.accept(refresh(found(running).runtime));
    }

    @Override
    public final Rest rest() {
        return known.map(Known::rest).orElse(Rest.ALWAYS);
    }

    /**
     * Takes one look at a process that stands still. At one that runs on, it looks when the collector is at rest, and
     * again where that has changed the heap meanwhile, or what is seen contradicts itself.
     *
     * @param opened the target
     * @param problems receives what speaks against the answer
     * @param look one look: is given the runtime, and tells what was wrong
     * @return the answer of the last look
     */
    final <T> T at(Target opened, Problems problems, BiFunction<R, Problems, T> look) {
        return look(opened, problems, MOST, look);
    }

    /** As {@link #at}, but takes one look only, since its answer can't be taken back. */
    final <T> T once(Target opened, Problems problems, BiFunction<R, Problems, T> look) {
        return look(opened, problems, 1, look);
    }

    private <T> T look(Target opened, Problems problems, int most, BiFunction<R, Problems, T> look) {
        if (opened.still()) {
            return look.apply(standing(opened, problems), problems);
        }
        for (int looks = 1; ; looks++) {
            boolean last = looks == most;
            Problems seen = new Problems();
            R runtime = located(opened);
            Watch watch = watch(runtime);
            T answer;
            try {
                answer = look.apply(runtime, seen);
            } catch (ParameterException | TargetException e) {
                if (last || !watch.changed()) {
                    throw e;
                }
                continue;
            }
            Optional<String> torn = watch.torn(looks);
            if (last || torn.isEmpty() && seen.contradictions().isEmpty()) {
                torn.ifPresent(seen::missing);
                problems.addAll(seen);
                return answer;
            }
            command.runsOnForAMoment(opened);
        }
    }

    /** Finds the runtime of a process that runs on, when its collector is at rest. */
    private R located(Target opened) {
        for (int tries = 1; ; tries++) {
            try {
                R runtime = now(opened);
                return rest().await(TargetCommand.PATIENCE) ? refresh(runtime) : runtime;
            } catch (UnsupportedTargetException e) {
                // One that changes meanwhile may not look like one.
                if (tries == MOST || !command.runsOnForAMoment(opened)) {
                    throw e;
                }
            }
        }
    }

    /** Finds the runtime of a process that stands still, and says so if its collector was at work. */
    private R standing(Target opened, Problems problems) {
        R runtime = now(opened);
        if (!rest().likely() && command.runsOnForAMoment(opened)) {
            // It was not known before that it had better not be stopped.
            runtime = now(opened);
        }
        tellCollection(runtime, problems);
        return runtime;
    }

    private R now(Target opened) {
        if (known.isPresent() && known.get().holdsFor(opened)) {
            Known<R> before = known.get();
            try {
                R runtime = refresh(before.runtime);
                known = Optional.of(
                        new Known<>(opened, before.modules, runtime, rest(runtime, before.runtime, before.rest)));
                return runtime;
            } catch (UnsupportedTargetException e) {
                // It is another program now.
            }
        }
        return found(opened).runtime;
    }

    /** Finds it anew. */
    private Known<R> found(Target target) {
        known = Optional.empty();
        ModulesAhead modules = ModulesAhead.of(target);
        R runtime = locate(target);
        Known<R> found = new Known<>(target, modules, runtime, rest(runtime));
        known = Optional.of(found);
        return found;
    }
}
