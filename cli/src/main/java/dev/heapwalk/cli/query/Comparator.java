// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.query;

/** How two values are compared. */
enum Comparator {
    EQUAL,
    UNEQUAL,
    LESS,
    AT_MOST,
    GREATER,
    AT_LEAST,
    MATCHES;

    /** Whether it is true of two values of which one is less than the other, as much, or more. */
    boolean accepts(int order) {
        return switch (this) {
            case EQUAL, MATCHES -> order == 0;
            case UNEQUAL -> order != 0;
            case LESS -> order < 0;
            case AT_MOST -> order <= 0;
            case GREATER -> order > 0;
            case AT_LEAST -> order >= 0;
        };
    }

    /** The same with the sides exchanged. */
    Comparator turned() {
        return switch (this) {
            case LESS -> GREATER;
            case AT_MOST -> AT_LEAST;
            case GREATER -> LESS;
            case AT_LEAST -> AT_MOST;
            case EQUAL, UNEQUAL, MATCHES -> this;
        };
    }
}
