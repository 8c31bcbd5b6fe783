// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc.usage;

/**
 * What a chunk is used for.
 *
 * @param domain whose it is
 * @param kind what it is, such as {@code string data}
 * @param detail more about it, or empty
 */
public record Category(Domain domain, String kind, String detail) {}
