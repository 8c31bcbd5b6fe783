// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

/** What a conclusion rests on. */
public enum Source {
    /** The symbol of a module. */
    SYMBOL,
    /** What memory looks like: values that fit each other. */
    STRUCTURE,
    /** What the program or a library says of itself: a version string, a constant. */
    BANNER,
    /** The name of a module, or that there is one. */
    MODULE,
    /** The registers of threads. */
    REGISTERS,
    /** Relocations and other tables that the dynamic linker works by. */
    RELOCATION,
    /** An earlier look at the same process. */
    EARLIER
}
