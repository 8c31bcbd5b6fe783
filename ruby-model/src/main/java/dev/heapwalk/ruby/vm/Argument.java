// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import java.util.Optional;

/**
 * A parameter of a frame's method or block and what it holds now, which is what was given unless the program assigned
 * to it.
 *
 * @param parameter the parameter
 * @param value a {@code VALUE}; {@code Qundef} for a block that was not made an object so far
 * @param block that block; empty for any other value
 */
public record Argument(Parameter parameter, long value, Optional<Block> block) {}
