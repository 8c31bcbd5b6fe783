// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.demo.Demo;

/** A command that stands above others, and says what they have in common. */
public interface CommandGroup {
    /** Starts what the word demo stands for in the commands right below this one. */
    Demo demo();
}
