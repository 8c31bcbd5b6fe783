// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

/**
 * A Monitor, as it was read. Since 2.7; before, it was an object with instance variables.
 *
 * @param address target address of its slot
 * @param owner target address of the Fiber that entered it, of the Thread in some versions; 0 if none did
 * @param mutex the Mutex that it locks; whoever entered and ended since holds it no more
 * @param count how often its owner entered it
 */
public record Monitor(long address, long owner, Mutex mutex, long count) {}
