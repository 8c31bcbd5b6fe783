// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.core;

/**
 * A {@code PT_LOAD} of a core that is written.
 *
 * @param start target address of the first byte
 * @param written how many bytes of it are in the file, from the first one on
 * @param end target address behind the last byte
 * @param flags {@code p_flags}
 */
record CoreSegment(long start, long written, long end, int flags) {}
