// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.gc;

import dev.heapwalk.python.GcState;
import java.util.Optional;

/**
 * An object that an address belongs to.
 *
 * @param address target address of the object
 * @param type target address of its type
 * @param size its size with what lies before it, in bytes; -1 if that is not known
 * @param owned how many bytes the buffers have that it owns
 * @param refcnt how many references it is held by
 * @param immortal whether its references are not counted
 * @param gcState what the garbage collector has of it, if that is known
 * @param block target address of the block that it lies in, 0 if it lies in none
 * @param blockSize the size of the block, in bytes
 * @param buffer what buffer of the object the address lies in; empty if it lies in the object itself
 * @param within how many bytes the address is behind the object's own or that of the buffer; less than 0 if it lies in
 *     what comes before the object
 */
public record FoundObject(
        long address,
        long type,
        long size,
        long owned,
        long refcnt,
        boolean immortal,
        Optional<GcState> gcState,
        long block,
        long blockSize,
        String buffer,
        long within) {}
