// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

/** Where an object lies. */
public enum ObjectPlace {
    /** In a block of pymalloc. */
    POOL,
    /** In a block of another allocator, such as {@code malloc}. */
    MALLOC,
    /** In a block of many numbers, as {@code int} and {@code float} of 2.7. The object itself is told as its block. */
    NUMBERS,
    /** Among the variables of a module. */
    MODULE
}
