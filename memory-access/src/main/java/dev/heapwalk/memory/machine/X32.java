// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.machine;

import dev.heapwalk.memory.Machine;
import java.util.List;

/** x86-64 with 32-bit pointers. The registers in a core of it are not read. */
final class X32 extends Amd64 {
    static final Processor PROCESSOR = new X32();

    private X32() {
        super(Machine.X32, List.of());
    }
}
