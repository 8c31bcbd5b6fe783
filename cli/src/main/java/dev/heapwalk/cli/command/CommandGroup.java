// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.demo.Demo;

/** A command that stands above others, and says what they have in common. */
public abstract class CommandGroup extends AnyCommand {
    /** Starts what the word demo stands for in the commands right below this one. */
    protected abstract Demo demo();

    @Override
    public final Integer call() {
        throw wrong("which command? One of "
                + String.join(", ", spec().subcommands().keySet()));
    }
}
