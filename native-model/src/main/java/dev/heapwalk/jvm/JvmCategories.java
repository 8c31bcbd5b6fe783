// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jvm;

import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.Domain;

/** The domain and the categories of what a Java virtual machine has outside its own heap. */
public final class JvmCategories {
    /** What HotSpot allocates. */
    public static final Domain JVM = new Domain("jvm");

    private JvmCategories() {}

    /**
     * The category of a block that Native Memory Tracking has marked.
     *
     * @param tag the name of the part of the virtual machine, as {@code jcmd VM.native_memory} prints it, such as
     *     {@code Symbol}
     * @return the category
     */
    public static Category tagged(String tag) {
        return new Category(JVM, tag, "");
    }
}
