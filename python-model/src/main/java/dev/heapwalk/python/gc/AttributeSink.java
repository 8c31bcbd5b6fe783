// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.gc;

/** Takes the attributes of an instance one by one. Unlike an edge, each has the place of its whole name. */
public interface AttributeSink {
    /**
     * Takes an attribute.
     *
     * @param name target address of its name, an object, mostly a text
     * @param value target address of an object
     */
    void attribute(long name, long value);

    /**
     * Takes the value of one of {@code __slots__}.
     *
     * @param name target address of its name, a C string
     * @param value target address of an object
     */
    void slot(long name, long value);

    /**
     * Takes the dictionary that has other attributes.
     *
     * @param dict target address of an object
     */
    void dictionary(long dict);
}
