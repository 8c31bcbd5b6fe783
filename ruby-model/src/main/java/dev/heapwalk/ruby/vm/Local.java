// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

/**
 * A local variable and what it holds.
 *
 * @param name its name
 * @param value a {@code VALUE}; {@code Qundef} for a block parameter whose block was not made an object so far
 * @param block that block; null for any other value
 */
public record Local(String name, long value, Block block) {}
