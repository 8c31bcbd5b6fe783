// SPDX-License-Identifier: Apache-2.0
/**
 * The heap of musl's malloc since 1.2.1, mallocng: its groups of slots, free or in use, by the sizes asked for.
 */
package dev.heapwalk.musl;
