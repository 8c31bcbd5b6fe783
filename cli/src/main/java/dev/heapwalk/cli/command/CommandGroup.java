// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.demo.Demo;
import dev.heapwalk.memory.Target;
import java.util.Optional;

/** A command that stands above others, and says what they have in common. */
public abstract class CommandGroup extends AnyCommand {
    private Optional<Target> held = Optional.empty();

    /** Starts what the word demo stands for in the commands right below this one. */
    protected abstract Demo demo();

    /**
     * Runs another command line, if this is the root of all commands.
     *
     * @return its exit status
     */
    protected int execute(String... args) {
        throw new IllegalStateException("only the root does that");
    }

    /** The target that the commands below this one read in place of the one with its id; empty for none. */
    Optional<Target> held() {
        return held;
    }

    /** Has the commands below this one read a target that is held, in place of the one with its id. */
    void hold(Optional<Target> target) {
        held = target;
    }

    @Override
    public final Integer call() {
        throw wrong("which command? One of "
                + String.join(", ", spec().subcommands().keySet()));
    }
}
