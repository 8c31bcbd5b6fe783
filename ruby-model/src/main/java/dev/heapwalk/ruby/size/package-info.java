// SPDX-License-Identifier: Apache-2.0
/**
 * How much memory objects take, as {@code ObjectSpace.memsize_of} counts it.
 */
package dev.heapwalk.ruby.size;
