// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.PythonRuntime;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Looks at a Python process, at a moment at which no garbage collection runs in any interpreter, as far as can be told.
 */
final class PythonLooks extends RuntimeLooks<PythonRuntime> {
    /** What must not go on while an answer is read. */
    enum Need {
        /** Anything may. */
        NOTHING,
        /** No garbage collection may run. */
        REST
    }

    /** What a runtime has changed is not told, so that it always may have. */
    private static final Watch WATCH = new Watch() {
        @Override
        public boolean changed() {
            return true;
        }

        @Override
        public Optional<String> torn(int looks) {
            return Optional.empty();
        }
    };

    private final Need need;

    /**
     * Prepares to look.
     *
     * @param command what reads the target
     * @param need what must not go on meanwhile
     * @param trial does what is done in the stop, or a part of it, so that all code has run once
     */
    PythonLooks(TargetCommand command, Need need, Consumer<PythonRuntime> trial) {
        super(command, trial);
        this.need = need;
    }

    @Override
    PythonRuntime locate(Target target) {
        return PythonRuntime.locate(target);
    }

    @Override
    PythonRuntime refresh(PythonRuntime runtime) {
        return runtime.refresh();
    }

    @Override
    Rest rest(PythonRuntime runtime) {
        return need == Need.NOTHING ? Rest.ALWAYS : runtime.rest();
    }

    @Override
    Rest rest(PythonRuntime now, PythonRuntime before, Rest rest) {
        // An interpreter that has come since has a collector of its own.
        return now.interpreters().size() == before.interpreters().size() ? rest : rest(now);
    }

    @Override
    Watch watch(PythonRuntime runtime) {
        return WATCH;
    }

    @Override
    void tellCollection(PythonRuntime runtime, Problems problems) {
        if (!rest().likely()) {
            problems.missing("a garbage collection was running, so some objects were in no list of a generation, and "
                    + "garbage may have been halfway taken apart");
        }
    }
}
