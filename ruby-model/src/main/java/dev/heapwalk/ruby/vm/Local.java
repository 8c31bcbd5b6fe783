// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import java.util.Optional;

/**
 * A local variable and what it holds.
 *
 * @param name its name; empty for one of {@link RubyThreads#fiberLocals} whose ID has none
 * @param value a {@code VALUE}; {@code Qundef} for a block parameter whose block was not made an object so far
 * @param block that block; empty for any other value
 */
public record Local(Optional<String> name, long value, Optional<Block> block) {}
