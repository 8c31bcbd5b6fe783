// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

/**
 * What all spans of a size class have in common. C name: elements of the arrays in {@code SizeMap}.
 *
 * @param index the number of the class, from 1
 * @param size {@code class_to_size_}: the size of an object in bytes
 * @param pages {@code class_to_pages_}: how many of tcmalloc's pages a span has
 * @param objectsToMove {@code num_objects_to_move_}: how many objects a chain of the transfer cache has
 */
public record SizeClass(int index, int size, int pages, int objectsToMove) {}
