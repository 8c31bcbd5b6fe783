// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

/**
 * One column of an answer.
 *
 * @param title its head in a table
 * @param field its name in JSON lines and CSV
 * @param kind what its cells hold
 */
record Column(String title, String field, Kind kind) {

    /** What the cells of a column hold, which decides how they are written. */
    enum Kind {
        /** A word or text, possibly from the target. */
        TEXT,
        /** How many, how large: a number that is read with separators. */
        AMOUNT,
        /** An index or id: a number that is read as it is. */
        ID,
        /** A target address. */
        ADDRESS,
        /** Yes or no. */
        FLAG,
        /** A list of ids. */
        IDS;

        boolean right() {
            return this == AMOUNT || this == ID || this == ADDRESS;
        }
    }

    static Column text(String title, String field) {
        return new Column(title, field, Kind.TEXT);
    }

    static Column amount(String title, String field) {
        return new Column(title, field, Kind.AMOUNT);
    }

    static Column id(String title, String field) {
        return new Column(title, field, Kind.ID);
    }

    static Column address(String title, String field) {
        return new Column(title, field, Kind.ADDRESS);
    }

    static Column flag(String title, String field) {
        return new Column(title, field, Kind.FLAG);
    }

    static Column ids(String title, String field) {
        return new Column(title, field, Kind.IDS);
    }
}
