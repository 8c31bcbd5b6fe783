// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.query;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** What a query may ask of a block. */
public enum Attribute {
    ADDR(Type.NUMBER, 0),
    /** Another name of {@link #ADDR}. */
    START(Type.NUMBER, 0),
    SIZE(Type.NUMBER, 0),
    DOMAIN(Type.TEXT, 2),
    KIND(Type.TEXT, 2),
    DETAIL(Type.TEXT, 2),
    STATE(Type.STATE, 0),
    ARENA(Type.NUMBER, 0),
    MMAPPED(Type.FLAG, 0),
    RESIDENT(Type.NUMBER, 1);

    /** What its values are. */
    enum Type {
        NUMBER,
        TEXT,
        /** A text out of few. */
        STATE,
        FLAG
    }

    private final Type type;
    /** How long it takes to be told. */
    private final int cost;

    Attribute(Type type, int cost) {
        this.type = type;
        this.cost = cost;
    }

    Type type() {
        return type;
    }

    int cost() {
        return cost;
    }

    /** The one that a word names. */
    static Optional<Attribute> of(String word) {
        return Arrays.stream(values())
                .filter(one -> one.toString().equals(word))
                .findFirst();
    }

    /** All names, for people. */
    static String names() {
        return Arrays.stream(values()).map(Attribute::toString).collect(Collectors.joining(", "));
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
