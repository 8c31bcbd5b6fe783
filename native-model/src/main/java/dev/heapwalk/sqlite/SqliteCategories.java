// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.sqlite;

import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.Domain;

/** The domain and the categories of what SQLite has. */
public final class SqliteCategories {
    /** What SQLite allocates. */
    public static final Domain SQLITE = new Domain("sqlite3");

    /** An open connection. C name {@code sqlite3}. */
    public static final Category CONNECTION = new Category(SQLITE, "connection", "");
    /** What a connection knows of a database file. C names {@code Btree}, {@code BtShared}, {@code Pager}. */
    public static final Category BTREE = new Category(SQLITE, "connection", "database");
    /** Memory for small requests of a connection, which statements mostly lie in. C name {@code Lookaside}. */
    public static final Category LOOKASIDE = new Category(SQLITE, "connection", "lookaside");
    /** A statement in a block of its own. C name {@code Vdbe}. */
    public static final Category STATEMENT = new Category(SQLITE, "statement", "");
    /** What a statement has: its program, registers, text. */
    public static final Category STATEMENT_MEMORY = new Category(SQLITE, "statement", "memory");
    /** The list of the pages of a cache, and where they are found. C name {@code PCache1}. */
    public static final Category CACHE = new Category(SQLITE, "page cache", "table");
    /** What is known of the tables of a database. C name {@code Schema}. */
    public static final Category SCHEMA = new Category(SQLITE, "schema", "");
    /** A table. C name {@code Table}. */
    public static final Category TABLE = new Category(SQLITE, "schema", "table");
    /** An index. C name {@code Index}. */
    public static final Category INDEX = new Category(SQLITE, "schema", "index");
    /** An entry of one of a schema's hash tables, or the table. C names {@code HashElem}, {@code _ht}. */
    public static final Category HASH = new Category(SQLITE, "schema", "hash table");

    private SqliteCategories() {}

    /**
     * The category of pages of databases, with what the cache keeps beside each.
     *
     * @param bytes how large a page is
     * @return the category
     */
    public static Category pages(int bytes) {
        return new Category(SQLITE, "page cache", "pages of " + bytes + " bytes");
    }
}
