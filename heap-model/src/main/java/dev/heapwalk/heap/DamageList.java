// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

import java.util.ArrayList;
import java.util.List;

/**
 * What a heap or a walk finds damaged: the first ones in full, then only how many more. For who writes a {@link Heap};
 * several threads may use one.
 */
public final class DamageList {
    private static final int MOST = 1000;

    private final List<Damage> list = new ArrayList<>();
    private long more;
    private long lastAddress;

    /** Makes an empty one. */
    public DamageList() {
        // Nothing is damaged yet.
    }

    /**
     * Adds one.
     *
     * @param address see {@link Damage#address()}
     * @param region see {@link Damage#region()}
     * @param reason see {@link Damage#reason()}
     */
    public synchronized void add(long address, int region, String reason) {
        lastAddress = address;
        if (list.size() < MOST) {
            list.add(new Damage(address, region, reason));
        } else {
            more++;
        }
    }

    /** Forgets all. */
    public synchronized void clear() {
        list.clear();
        more = 0;
    }

    /**
     * What was added.
     *
     * @return an unmodifiable list; where too many were added, its last one tells how many more there were
     */
    public synchronized List<Damage> list() {
        if (more == 0) {
            return List.copyOf(list);
        }
        List<Damage> all = new ArrayList<>(list);
        all.add(new Damage(lastAddress, -1, more + " more, the last one here"));
        return List.copyOf(all);
    }
}
