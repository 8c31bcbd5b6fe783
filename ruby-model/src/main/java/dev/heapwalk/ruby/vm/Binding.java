// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import java.util.Optional;

/**
 * A Binding. C name {@code rb_binding_t}.
 *
 * @param address target address of the Binding
 * @param block the scope that it is of
 * @param path the file that it was made in; empty if it can't be made out
 * @param line the line that it was made on
 */
public record Binding(long address, Block block, Optional<String> path, int line) {}
