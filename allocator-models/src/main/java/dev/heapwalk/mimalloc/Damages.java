// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.heap.Damage;
import java.util.ArrayList;
import java.util.List;

/** What was found damaged: the first ones in full, then only how many more. */
final class Damages {
    private static final int MOST = 1000;

    private final List<Damage> list = new ArrayList<>();
    private long more;
    private long lastAddress;

    synchronized void add(long address, int arena, String reason) {
        lastAddress = address;
        if (list.size() < MOST) {
            list.add(new Damage(address, arena, reason));
        } else {
            more++;
        }
    }

    synchronized void clear() {
        list.clear();
        more = 0;
    }

    synchronized List<Damage> list() {
        if (more == 0) {
            return List.copyOf(list);
        }
        List<Damage> all = new ArrayList<>(list);
        all.add(new Damage(lastAddress, -1, more + " more, the last one here"));
        return List.copyOf(all);
    }
}
