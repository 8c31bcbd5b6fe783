// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.util.function.Function;
import java.util.function.ToLongFunction;

/**
 * One of the ways in which the work of a subject is done.
 *
 * @param <T> what the subject is once it is open
 * @param name one of the names below
 * @param work does it once; what it returns keeps the compiler from leaving it out
 * @param written what it writes; null if it writes nothing
 * @param here whether this JVM does the work; if another process does, or threads that come and go, CPU times are not
 *     compared
 */
record Way<T>(String name, ToLongFunction<T> work, Function<T, Written> written, boolean here) {
    /** Heapwalk. */
    static final String JAVA = "java";
    /** The same, by hand in C. */
    static final String C = "c";
    /** The same, by hand in C, with nothing in memory that can be in a register. */
    static final String C_IN_REGISTERS = "c in registers";
    /** The walk alone, by hand in C, without what Heapwalk does at each step: no like for like. */
    static final String WALK = "walk";
    /** Heapwalk's discovery, without any knowledge from before. */
    static final String LOCATE = "locate";
    /** Ruby's own {@code ObjectSpace.dump_all}. */
    static final String DUMP_ALL = "dump_all";
    /** A plain copy of the same bytes. */
    static final String COPY = "copy";
}
