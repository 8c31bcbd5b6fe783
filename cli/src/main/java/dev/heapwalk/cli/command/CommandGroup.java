// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

/** A command that stands above others, and says what they have in common. */
interface CommandGroup {
    /** Starts what the word demo stands for in the commands right below this one. */
    Demo demo();
}
