// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.machine;

import dev.heapwalk.memory.Machine;
import java.util.List;

/** What processors have in common whose thread pointer leads to two words, {@code dtv} first, and static TLS behind. */
abstract sealed class TlsAbove extends Processor permits Aarch64, Arm {
    TlsAbove(Machine machine, List<String> registerNames) {
        super(machine, registerNames);
    }

    @Override
    public final TlsVariant tlsVariant() {
        return TlsVariant.ABOVE;
    }

    @Override
    public final int tcbSize() {
        return 2 * machine().wordSize();
    }

    @Override
    public final int dtv() {
        return 0;
    }
}
