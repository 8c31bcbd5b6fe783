// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.util.List;
import java.util.function.LongSupplier;

/** Something that is measured beside its floors: the same work done in several ways, which are taken in turn. */
interface Subject extends AutoCloseable {

    /**
     * One of the ways.
     *
     * @param name {@link #JAVA}, {@link #C}, {@link #C_IN_REGISTERS}, {@link #WALK}, {@link #DUMP_ALL} or {@link #COPY}
     * @param work does it once; what it returns keeps the compiler from leaving it out
     * @param written what it writes; null if it writes nothing
     * @param here whether this JVM does the work; if another process does, or threads that come and go, CPU times are
     *     not compared
     */
    record Lane(String name, LongSupplier work, Written written, boolean here) {
        Lane(String name, LongSupplier work) {
            this(name, work, null, true);
        }
    }

    /** Heapwalk. */
    String JAVA = "java";
    /** The same, by hand in C. */
    String C = "c";
    /** The same, by hand in C, with nothing in memory that can be in a register. */
    String C_IN_REGISTERS = "c in registers";
    /** The walk alone, by hand in C, without what Heapwalk does at each step: no like for like. */
    String WALK = "walk";
    /** Ruby's own {@code ObjectSpace.dump_all}. */
    String DUMP_ALL = "dump_all";
    /** A plain copy of the same bytes. */
    String COPY = "copy";

    /** Starts the target, opens it, and checks that all ways come to the same. */
    void open() throws Exception;

    /** The ways, Heapwalk's first. */
    List<Lane> lanes();

    /** How many times the usual time it takes until what Heapwalk does is compiled for good. */
    default int slowToWarmUp() {
        return 1;
    }

    /** Ends the target. */
    @Override
    void close();
}
