// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

/** Where an object lies. */
public enum ObjectPlace {
    /** In a block of pymalloc. */
    POOL,
    /** In a block of another allocator, such as {@code malloc}. */
    MALLOC,
    /** Among the variables of a module. */
    MODULE
}
