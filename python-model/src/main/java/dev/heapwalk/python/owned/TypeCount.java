// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.owned;

import dev.heapwalk.python.GcState;
import dev.heapwalk.python.object.TypeName;
import java.util.Map;

/**
 * How many objects there are of one type.
 *
 * @param type target address of the type
 * @param name its name
 * @param objects how many objects there are
 * @param bytes how many bytes they have themselves
 * @param owned how many bytes the buffers have that they own
 * @param states how many of them the garbage collector has in each of its lists, those in no list too; states that no
 *     object is in are left out
 */
public record TypeCount(long type, TypeName name, long objects, long bytes, long owned, Map<GcState, Long> states) {

    /** Keeps the states as they are. */
    public TypeCount {
        states = Map.copyOf(states);
    }

    /**
     * How many objects the garbage collector has in one of its lists.
     *
     * @param state which
     * @return a count
     */
    public long objects(GcState state) {
        return states.getOrDefault(state, 0L);
    }
}
