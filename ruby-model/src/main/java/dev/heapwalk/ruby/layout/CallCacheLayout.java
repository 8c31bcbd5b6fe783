// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/** C names {@code struct rb_class_cc_entries} and {@code struct rb_class_cc_entries_entry}, since 3.0. */
public final class CallCacheLayout {
    /** {@code len}, 32 bits. */
    public static final int LENGTH = 4;
    /** {@code cme_}. */
    public static final int METHOD = 8;
    /** {@code entries}, or the pointer to them. */
    public static final int ENTRIES = 16;
    /** The size of an entry: two words. */
    public static final int ENTRY_SIZE = 16;
    /** {@code cc} of an entry that begins with two numbers. */
    public static final int ENTRY_CACHE = 8;

    private CallCacheLayout() {}
}
