// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cpp;

import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.Domain;

/**
 * The domain and the categories of C++. An object has its class as the kind, such as {@code acme::Order}; of an array
 * of them {@code array} is the detail.
 */
public final class CppCategories {
    /** C++ and its standard libraries, libstdc++ and libc++. */
    public static final Domain CPP = new Domain("C++");

    /** The text of a {@code std::string} that is too long to lie in the string itself. */
    public static final Category STRING = new Category(CPP, "std::string", "buffer");
    /** The text of strings that share it, as all had it before C++11, and those of exceptions still have. */
    public static final Category SHARED_STRING = new Category(CPP, "std::string", "shared buffer");
    /** The elements of a {@code std::vector}. */
    public static final Category VECTOR = new Category(CPP, "std::vector", "buffer");
    /** An element of a {@code std::list}. */
    public static final Category LIST_NODE = new Category(CPP, "std::list", "node");
    /** An element of a {@code std::map} or {@code std::set}, or of one that holds equal keys. */
    public static final Category TREE_NODE = new Category(CPP, "std::map or set", "node");
    /** An element of a {@code std::unordered_map} or {@code std::unordered_set}. */
    public static final Category HASH_NODE = new Category(CPP, "std::unordered_map or set", "node");
    /** The table of such a one. */
    public static final Category HASH_BUCKETS = new Category(CPP, "std::unordered_map or set", "buckets");
    /** The table of a {@code std::deque}'s blocks. */
    public static final Category DEQUE_MAP = new Category(CPP, "std::deque", "map");
    /** Elements of a {@code std::deque}. */
    public static final Category DEQUE_BLOCK = new Category(CPP, "std::deque", "block");
    /** The buffer of a {@code std::filebuf}, as streams of files have. */
    public static final Category FILE_BUFFER = new Category(CPP, "std::filebuf", "buffer");

    /** The kind of the control blocks of {@code std::shared_ptr}; what they are for is the detail. */
    public static final String SHARED_POINTER = "std::shared_ptr";

    private CppCategories() {}
}
