// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.glib;

import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.Domain;

/** The domains and categories of what programs on GLib have. */
public final class GLibCategories {
    /** What GLib's own types are made of. */
    public static final Domain GLIB = new Domain("glib");

    /** A node of a list in one direction. C name {@code GSList}. */
    public static final Category SLIST = new Category(GLIB, "GSList", "");
    /** A node of a list in two directions. C name {@code GList}. */
    public static final Category LIST = new Category(GLIB, "GList", "");
    /** A hash table without its arrays. C name {@code GHashTable}. */
    public static final Category HASH_TABLE = new Category(GLIB, "GHashTable", "");
    /** An array of a hash table's keys; of a set, its values as well. */
    public static final Category HASH_KEYS = new Category(GLIB, "GHashTable", "keys");
    /** An array of a hash table's hashes. */
    public static final Category HASH_HASHES = new Category(GLIB, "GHashTable", "hashes");
    /** An array of a hash table's values. */
    public static final Category HASH_VALUES = new Category(GLIB, "GHashTable", "values");
    /** A text that may grow, without its bytes. C name {@code GString}. */
    public static final Category STRING = new Category(GLIB, "GString", "");
    /** The bytes of a {@code GString}. */
    public static final Category STRING_TEXT = new Category(GLIB, "GString", "text");
    /** Bytes that are shared. C name {@code GBytes}. */
    public static final Category BYTES = new Category(GLIB, "GBytes", "");
    /** All names that have a number, by that. C name {@code quarks}. */
    public static final Category QUARKS = new Category(GLIB, "quarks", "table");

    private GLibCategories() {}

    /**
     * The category of an instance of a type.
     *
     * @param type the type's name, such as {@code GtkLabel}
     * @return the category
     */
    public static Category instance(String type) {
        return new Category(GLIB, "instance", type);
    }

    /**
     * The category of a boxed value.
     *
     * @param type the type's name, such as {@code GStrv}
     * @return the category
     */
    public static Category boxed(String type) {
        return new Category(GLIB, "boxed", type);
    }

    /**
     * The category of a value of any type. C name {@code GValue}.
     *
     * @param type the name of the type of what it holds
     * @return the category
     */
    public static Category value(String type) {
        return new Category(GLIB, "GValue", type);
    }

    /**
     * The category of a class or of an interface's table of functions.
     *
     * @param type the type's name
     * @return the category
     */
    public static Category ofClass(String type) {
        return new Category(GLIB, "class", type);
    }

    /**
     * The category of what describes a type. C names {@code TypeNode} and {@code TypeData}.
     *
     * @param type the type's name
     * @return the category
     */
    public static Category type(String type) {
        return new Category(GLIB, "type", type);
    }

    /**
     * The category of the pixels of a picture. C name {@code GdkPixbuf}.
     *
     * @param width its width in pixels
     * @param height its height in pixels
     * @param channels how many bytes it has for a pixel
     * @return the category
     */
    public static Category pixels(int width, int height, int channels) {
        return new Category(GLIB, "GdkPixbuf pixels", "%d x %d x %d".formatted(width, height, channels));
    }

    /**
     * The category of a page of slices, of which GLib before 2.76 has several in one block.
     *
     * @param bytes how large a slice is
     * @param type the name of the type that most of them are instances of, or empty
     * @return the category
     */
    public static Category slices(long bytes, String type) {
        return new Category(GLIB, "slices", "of " + bytes + " bytes" + (type.isEmpty() ? "" : ", mostly " + type));
    }
}
