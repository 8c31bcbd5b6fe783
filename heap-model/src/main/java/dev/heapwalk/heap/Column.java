// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

/**
 * One column of a table.
 *
 * @param title its head in a table for people
 * @param field its name in JSON lines and CSV
 * @param kind what its cells hold
 */
public record Column(String title, String field, Kind kind) {

    /** What the cells of a column hold, which decides how they are written. */
    public enum Kind {
        /** A word or text, possibly from the target. */
        TEXT,
        /** How large, how far: a number that is read with separators. */
        AMOUNT,
        /** An amount of which the sum over all rows means something: how many, how many bytes. */
        SUM,
        /** An amount of bytes, such as the size of a block. */
        SIZE,
        /** An amount of bytes of which the sum over all rows means something. */
        BYTES,
        /** A part of a whole, in thousandths; it is written in percent. */
        SHARE,
        /** An index or id: a number that is read as it is. */
        ID,
        /** A target address. */
        ADDRESS,
        /** Yes or no. */
        FLAG,
        /** A list of ids. */
        IDS;

        /**
         * Whether cells are lined up at their right end.
         *
         * @return whether they are
         */
        public boolean right() {
            return grouped() || this == SHARE || this == ID || this == ADDRESS;
        }

        /**
         * Whether numbers are read with separators.
         *
         * @return whether they are
         */
        public boolean grouped() {
            return this == AMOUNT || this == SUM || bytes();
        }

        /**
         * Whether numbers count bytes.
         *
         * @return whether they do
         */
        public boolean bytes() {
            return this == SIZE || this == BYTES;
        }

        /**
         * Whether the sum over all rows means something.
         *
         * @return whether it does
         */
        public boolean summed() {
            return this == SUM || this == BYTES;
        }
    }

    /**
     * A column of text.
     *
     * @param title its head in a table
     * @param field its name in JSON lines and CSV
     * @return the column
     */
    public static Column text(String title, String field) {
        return new Column(title, field, Kind.TEXT);
    }

    /**
     * A column of amounts.
     *
     * @param title its head in a table
     * @param field its name in JSON lines and CSV
     * @return the column
     */
    public static Column amount(String title, String field) {
        return new Column(title, field, Kind.AMOUNT);
    }

    /**
     * A column of amounts that can be added up.
     *
     * @param title its head in a table
     * @param field its name in JSON lines and CSV
     * @return the column
     */
    public static Column sum(String title, String field) {
        return new Column(title, field, Kind.SUM);
    }

    /**
     * A column of amounts of bytes.
     *
     * @param title its head in a table
     * @param field its name in JSON lines and CSV
     * @return the column
     */
    public static Column size(String title, String field) {
        return new Column(title, field, Kind.SIZE);
    }

    /**
     * A column of amounts of bytes that can be added up.
     *
     * @param title its head in a table
     * @param field its name in JSON lines and CSV
     * @return the column
     */
    public static Column bytes(String title, String field) {
        return new Column(title, field, Kind.BYTES);
    }

    /**
     * A column of parts of a whole.
     *
     * @param title its head in a table
     * @param field its name in JSON lines and CSV
     * @return the column
     */
    public static Column share(String title, String field) {
        return new Column(title, field, Kind.SHARE);
    }

    /**
     * A column of indexes or ids.
     *
     * @param title its head in a table
     * @param field its name in JSON lines and CSV
     * @return the column
     */
    public static Column id(String title, String field) {
        return new Column(title, field, Kind.ID);
    }

    /**
     * A column of target addresses.
     *
     * @param title its head in a table
     * @param field its name in JSON lines and CSV
     * @return the column
     */
    public static Column address(String title, String field) {
        return new Column(title, field, Kind.ADDRESS);
    }

    /**
     * A column of yes and no.
     *
     * @param title its head in a table
     * @param field its name in JSON lines and CSV
     * @return the column
     */
    public static Column flag(String title, String field) {
        return new Column(title, field, Kind.FLAG);
    }

    /**
     * A column of lists of ids.
     *
     * @param title its head in a table
     * @param field its name in JSON lines and CSV
     * @return the column
     */
    public static Column ids(String title, String field) {
        return new Column(title, field, Kind.IDS);
    }
}
