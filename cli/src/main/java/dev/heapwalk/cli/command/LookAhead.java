// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;

/**
 * Looks at a process that is going to be stopped, while it runs on, so that what need not wait until it stands still is
 * done by then: what can't change is found, and code is loaded and warm.
 */
interface LookAhead {
    /**
     * Looks. What goes wrong here is not told; it goes wrong again when the process stands still, or it was not what it
     * seemed.
     */
    void at(Target running);

    /** What must be at rest when the process is stopped; asked after the look. */
    Rest rest();
}
