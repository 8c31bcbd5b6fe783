// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

/**
 * A kind of roots. Each source has its own constants.
 *
 * @param label the name in tables and in JSON, such as {@code machine_context}
 * @param exact whether each root is a reference for certain; false where any word that looks like one is taken for one,
 *     as on a machine stack
 */
public record RootCategory(String label, boolean exact) {}
