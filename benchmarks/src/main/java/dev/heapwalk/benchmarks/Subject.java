// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/**
 * All there is to know of something that is measured: its name, how its target is started and opened, in which ways the
 * work is done, and what is hoped for. Measurements in turns and those by JMH are both set up from it.
 *
 * @param <T> what it is once it is open: what the ways work on
 */
final class Subject<T extends Subject.Ready> {
    private final String name;
    private final Suite.Set set;
    private final Opener<T> opener;
    private final List<Way<T>> ways = new ArrayList<>();
    private final Map<String, Double> goals = new LinkedHashMap<>();
    private ToLongFunction<T> steps = on -> 0;
    private Allocation allocation = Allocation.NOTHING;
    private int slowToWarmUp = 1;

    /** What the ways of a subject work on. */
    interface Ready extends AutoCloseable {
        /** Ends the target. */
        @Override
        void close();
    }

    /**
     * Makes a subject ready.
     *
     * @param <T> what comes of it
     */
    interface Opener<T> {
        /** Starts the target, opens it, and checks that all ways come to the same. */
        T open() throws Exception;
    }

    private Subject(String name, Suite.Set set, Opener<T> opener) {
        this.name = name;
        this.set = set;
        this.opener = opener;
    }

    /**
     * Begins a description.
     *
     * @param name parts divided by {@code /}, that of the class first
     * @param set the smallest set that holds it
     * @param opener starts its target and opens it
     */
    static <T extends Ready> Subject<T> of(String name, Suite.Set set, Opener<T> opener) {
        return new Subject<>(name, set, opener);
    }

    /** Adds a way; Heapwalk's comes first. */
    Subject<T> way(String called, ToLongFunction<T> work) {
        ways.add(new Way<>(called, work, on -> null, true));
        return this;
    }

    /** Adds a way that writes something, by another process or by threads that come and go. */
    Subject<T> wayOfOthers(String called, ToLongFunction<T> work, Function<T, Written> written) {
        ways.add(new Way<>(called, work, written, false));
        return this;
    }

    /** Tells the most that a ratio should be, by its name: that of the floor, and {@code cpu} or {@code wall}. */
    Subject<T> goal(String ratio, double most) {
        goals.put(ratio, most);
        return this;
    }

    /** Tells what Heapwalk may allocate, if that is not nothing. */
    Subject<T> allocates(Allocation what) {
        allocation = what;
        return this;
    }

    /** Tells how many steps an operation of Heapwalk's takes. */
    Subject<T> steps(ToLongFunction<T> count) {
        steps = count;
        return this;
    }

    /** Tells how many times the usual time it takes until what Heapwalk does is compiled for good. */
    Subject<T> slowToWarmUp(int times) {
        slowToWarmUp = times;
        return this;
    }

    String name() {
        return name;
    }

    Suite.Set set() {
        return set;
    }

    /** The names of its ways, Heapwalk's first. */
    List<String> ways() {
        return ways.stream().map(Way::name).toList();
    }

    Map<String, Double> goals() {
        return Collections.unmodifiableMap(goals);
    }

    Allocation allocation() {
        return allocation;
    }

    int slowToWarmUp() {
        return slowToWarmUp;
    }

    /** Starts the target. If that fails, this JVM is to end, and with it go the programs that it started. */
    Opened open() throws Exception {
        T on = opener.open();
        return new Opened(
                on,
                ways.stream()
                        .map(way -> new Opened.Lane(
                                way.name(),
                                () -> way.work().applyAsLong(on),
                                way.written().apply(on),
                                way.here()))
                        .toList(),
                steps.applyAsLong(on));
    }
}
