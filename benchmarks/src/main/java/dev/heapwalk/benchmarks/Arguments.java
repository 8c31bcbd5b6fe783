// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;

/**
 * What {@code script/bench} was asked for. The script has refused options that there are not, and those that contradict
 * each other.
 *
 * @param set how much
 * @param check whether it is compared with what was accepted
 * @param accept whether it is accepted
 * @param names of measurements, or beginnings of such, {@code commands} or {@code scale}; none means all but these two
 */
record Arguments(Suite.Set set, boolean check, boolean accept, List<String> names) {

    /** Something was asked for that there is not. */
    static final class Refused extends Exception {
        private static final long serialVersionUID = 1;

        Refused(String message) {
            super(message);
        }
    }

    /** Reads them, and sees to it that there is something of each name. */
    static Arguments of(String[] args) throws Refused {
        Suite.Set set = Suite.Set.QUICK;
        boolean check = false;
        boolean accept = false;
        List<String> names = new ArrayList<>();
        for (String arg : args) {
            switch (arg) {
                case "--short" -> set = Suite.Set.SHORT;
                case "--full" -> set = Suite.Set.FULL;
                case "--check" -> check = true;
                case "--accept" -> accept = true;
                default -> names.add(arg);
            }
        }
        for (String name : names) {
            if (!WholeCommands.areCalled(name)) {
                checkName(name, set);
            }
        }
        return new Arguments(set, check, accept, List.copyOf(names));
    }

    private static void checkName(String name, Suite.Set set) throws Refused {
        List<Subject<?>> called = Suite.subjects().stream()
                .filter(subject -> subject.name().equals(name) || subject.name().startsWith(name + "/"))
                .toList();
        if (called.isEmpty()) {
            LinkedHashSet<String> known = new LinkedHashSet<>();
            Suite.subjects()
                    .forEach(subject ->
                            known.add(subject.name().substring(0, subject.name().indexOf('/'))));
            throw new Refused(
                    "nothing is called %s, but %s, commands and scale; the rows of those tables in docs/benchmarks.md begin with longer names"
                            .formatted(name, String.join(", ", known)));
        }
        if (called.stream().noneMatch(subject -> isWanted(subject, name, set))) {
            boolean quick = called.stream().anyMatch(subject -> subject.set() == Suite.Set.QUICK);
            throw new Refused("%s is not among what %s measures: %s"
                    .formatted(
                            name,
                            set == Suite.Set.SHORT ? "--short" : "script/bench without --full",
                            quick ? "leave --short out" : "take --full"));
        }
    }

    /** Whether something is to be measured. A whole name says so whatever the set. */
    boolean want(Subject<?> subject) {
        return names.isEmpty()
                ? subject.set().compareTo(set) <= 0
                : names.stream().anyMatch(name -> isWanted(subject, name, set));
    }

    private static boolean isWanted(Subject<?> subject, String name, Suite.Set set) {
        return subject.name().equals(name)
                || subject.name().startsWith(name + "/") && subject.set().compareTo(set) <= 0;
    }
}
