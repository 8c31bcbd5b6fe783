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

    /** The buffer of a stream for wide characters. C name {@code _IO_buf_base} of {@code struct _IO_wide_data}. */
    public static final Category FILE_WIDE_BUFFER = new Category(LIBC, "stdio", "wide buffer");
    /** What was put back into a stream. C name {@code _IO_save_base}. */
    public static final Category FILE_BACKUP = new Category(LIBC, "stdio", "backup buffer");
    /** Variables of a module for one thread, made when the thread used the first of them. */
    public static final Category TLS_BLOCK = new Category(LIBC, "thread-local storage", "block of a module");
    /** An open folder with its buffer. C name {@code DIR}. */
    public static final Category DIR = new Category(LIBC, "DIR", "");
    /** A locale that {@code newlocale} made. C name {@code locale_t}. */
    public static final Category LOCALE = new Category(LIBC, "locale", "locale_t");
    /** The data of one category of a locale. C name {@code struct __locale_data}. */
    public static final Category LOCALE_DATA = new Category(LIBC, "locale", "data");
    /** The name of a locale. */
    public static final Category LOCALE_NAME = new Category(LIBC, "locale", "name");
    /** Functions to be called when the process ends. C name {@code struct exit_function_list}. */
    public static final Category EXIT_FUNCTIONS = new Category(LIBC, "atexit", "exit_function_list");
    /** An answer of {@code getaddrinfo}. C name {@code struct addrinfo}. */
    public static final Category ADDRESS_INFO = new Category(LIBC, "addrinfo", "");

    /** What the dynamic linker knows of a library that {@code dlopen} loaded. C name {@code struct link_map}. */
    public static final Category LINK_MAP = new Category(LIBC, "dynamic linker", "link_map");

    private LibcCategories() {}
}
