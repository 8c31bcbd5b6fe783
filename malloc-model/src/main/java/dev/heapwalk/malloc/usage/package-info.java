// SPDX-License-Identifier: Apache-2.0
/**
 * What the chunks are used for: categories, and allocators that live inside malloc's chunks.
 */
package dev.heapwalk.malloc.usage;
