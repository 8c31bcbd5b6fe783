// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * C names {@code pysqlite_Connection}, {@code pysqlite_Statement} and what the library behind them makes.
 *
 * @param statement {@code st} of a statement, a {@code sqlite3_stmt}
 */
public record SqliteLayout(int statement) {
    /** {@code db} of a connection, a {@code sqlite3}. */
    public static final int DB = 16;
    /** How much lies before what the library was asked for, if it keeps the size there, in bytes. */
    public static final int SIZE_HEAD = 8;
    /**
     * How far the buffer of a {@code Mem} lies from its connection, {@code zMalloc} from {@code db}: behind it, or before
     * it in older releases.
     */
    public static final int VALUE_BUFFER = 16;
    /** The same from {@code szMalloc}, how much room the buffer has, to {@code zMalloc}. */
    public static final int VALUE_ROOM = 8;
    /** How large a {@code Mem} is, in bytes. */
    public static final int VALUE_BYTES = 56;
    /** The smallest page of a database, in bytes. */
    public static final int LEAST_PAGE = 512;
    /** The largest page of a database, in bytes. */
    public static final int LARGEST_PAGE = 1 << 16;
    /** {@code pBuf} of a {@code PgHdr1}, which lies behind the page that it leads to. */
    public static final int HEADER_PAGE = 0;
    /** {@code pExtra} of a {@code PgHdr1}, which leads behind it. */
    public static final int HEADER_EXTRA = 8;
    /** The most that a {@code PgHdr1} may have, in bytes. */
    public static final int HEADER_MOST = 96;

    static SqliteLayout of(int version) {
        return new SqliteLayout(version < 311 ? 24 : 16);
    }
}
