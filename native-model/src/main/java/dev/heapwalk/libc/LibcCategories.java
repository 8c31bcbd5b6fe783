// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.libc;

import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.Domain;

/** The domains and categories of what programs in C and the C library itself have. */
public final class LibcCategories {
    /** Plain C data. */
    public static final Domain C = new Domain("C");
    /** What the C library keeps for itself. */
    public static final Domain LIBC = new Domain("libc");

    /** Text that ends in a zero byte. */
    public static final Category STRING_DATA = new Category(C, "string data", "");
    /** The vector of a thread's blocks of thread-local storage. C name {@code dtv_t}. */
    public static final Category DTV = new Category(LIBC, "dtv", "thread-local storage vector");
    /** A stream of stdio. C name {@code struct _IO_FILE}. */
    public static final Category FILE = new Category(LIBC, "stdio", "FILE");
    /** The buffer of a stream. C name {@code _IO_buf_base}. */
    public static final Category FILE_BUFFER = new Category(LIBC, "stdio", "buffer");

    private LibcCategories() {}
}
