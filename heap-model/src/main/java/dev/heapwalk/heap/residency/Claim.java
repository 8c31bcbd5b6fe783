// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.residency;

import dev.heapwalk.memory.Range;

/**
 * Memory of which it is known who has it, though no heap tells its blocks.
 *
 * @param range target addresses
 * @param owner who has it
 */
public record Claim(Range range, Owner owner) {}
