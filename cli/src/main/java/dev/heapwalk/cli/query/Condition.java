// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.query;

import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.usage.Category;
import java.util.function.Predicate;

/**
 * What a query makes of a block, as a tree of small final classes, each of which does one thing: no attribute, operator
 * or type is looked up for a block, and nothing is allocated for it.
 */
public abstract sealed class Condition {
    /** How long it takes to be told. */
    private final int cost;

    private Condition(int cost) {
        this.cost = cost;
    }

    int cost() {
        return cost;
    }

    /** Whether it is true of a block. */
    public abstract boolean holds(Facts of);

    /** True of each block, or of none. */
    static final class Always extends Condition {
        private final boolean truth;

        Always(boolean truth) {
            super(0);
            this.truth = truth;
        }

        @Override
        public boolean holds(Facts of) {
            return truth;
        }
    }

    static final class Not extends Condition {
        private final Condition condition;

        Not(Condition condition) {
            super(condition.cost);
            this.condition = condition;
        }

        @Override
        public boolean holds(Facts of) {
            return !condition.holds(of);
        }
    }

    /** Two of them; the one that costs less is asked first. */
    private abstract static sealed class Pair extends Condition {
        final Condition first;
        final Condition second;

        Pair(Condition one, Condition other) {
            super(Math.max(one.cost, other.cost));
            boolean inOrder = one.cost <= other.cost;
            first = inOrder ? one : other;
            second = inOrder ? other : one;
        }
    }

    /** Both. */
    static final class Both extends Pair {
        Both(Condition one, Condition other) {
            super(one, other);
        }

        @Override
        public boolean holds(Facts of) {
            return first.holds(of) && second.holds(of);
        }
    }

    /** One or both. */
    static final class Either extends Pair {
        Either(Condition one, Condition other) {
            super(one, other);
        }

        @Override
        public boolean holds(Facts of) {
            return first.holds(of) || second.holds(of);
        }
    }

    /** The value of an attribute that is a number. */
    private static long number(Attribute attribute, Facts of) {
        return switch (attribute) {
            case ADDR, START -> of.address();
            case SIZE -> of.size();
            case ARENA -> of.arena();
            case RESIDENT -> of.resident();
            default -> throw new IllegalArgumentException("no number: " + attribute);
        };
    }

    /** A number that lies in a range, ends included: all comparisons with a constant are one, or the contrary. */
    static final class In extends Condition {
        private final Attribute attribute;
        private final long low;
        private final long high;

        In(Attribute attribute, long low, long high) {
            super(attribute.cost());
            this.attribute = attribute;
            this.low = low;
            this.high = high;
        }

        @Override
        public boolean holds(Facts of) {
            long value = number(attribute, of);
            return value >= low && value <= high;
        }
    }

    /** {@link In} for what is asked most. */
    static final class SizeIn extends Condition {
        private final long low;
        private final long high;

        SizeIn(long low, long high) {
            super(Attribute.SIZE.cost());
            this.low = low;
            this.high = high;
        }

        @Override
        public boolean holds(Facts of) {
            long size = of.size();
            return size >= low && size <= high;
        }
    }

    /** Two numbers of a block beside each other. */
    static final class Compared extends Condition {
        private final Attribute one;
        private final Attribute other;
        private final Comparator how;

        Compared(Attribute one, Comparator how, Attribute other) {
            super(Math.max(one.cost(), other.cost()));
            this.one = one;
            this.how = how;
            this.other = other;
        }

        @Override
        public boolean holds(Facts of) {
            return how.accepts(Long.compare(number(one, of), number(other, of)));
        }
    }

    static final class Mmapped extends Condition {
        Mmapped() {
            super(Attribute.MMAPPED.cost());
        }

        @Override
        public boolean holds(Facts of) {
            return of.mmapped();
        }
    }

    static final class StateIs extends Condition {
        private final BlockState state;

        StateIs(BlockState state) {
            super(Attribute.STATE.cost());
            this.state = state;
        }

        @Override
        public boolean holds(Facts of) {
            return of.state() == state;
        }
    }

    /** A heap's own name for the state. */
    static final class StateNamed extends Condition {
        private final Predicate<String> wanted;
        /** Names are the same object each time. */
        private String last;

        private boolean lastWanted;

        StateNamed(Predicate<String> wanted) {
            super(Attribute.STATE.cost());
            this.wanted = wanted;
        }

        @Override
        public boolean holds(Facts of) {
            String name = of.stateName();
            if (name != last) {
                lastWanted = wanted.test(name);
                last = name;
            }
            return lastWanted;
        }
    }

    /** A text of what the block is used for. */
    static final class UseIs extends Condition {
        private final Attribute attribute;
        private final Predicate<String> wanted;
        /** Neighbours are often alike, and the same object then. */
        private Category last;

        private boolean lastWanted;

        UseIs(Attribute attribute, Predicate<String> wanted) {
            super(attribute.cost());
            this.attribute = attribute;
            this.wanted = wanted;
        }

        @Override
        public boolean holds(Facts of) {
            Category use = of.category();
            if (use != last) {
                lastWanted = wanted.test(
                        switch (attribute) {
                            case DOMAIN -> use.domain().label();
                            case KIND -> use.kind();
                            case DETAIL -> use.detail();
                            default -> throw new IllegalArgumentException("no text: " + attribute);
                        });
                last = use;
            }
            return lastWanted;
        }
    }
}
