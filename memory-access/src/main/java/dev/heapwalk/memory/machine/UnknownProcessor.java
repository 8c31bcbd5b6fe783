// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.machine;

import dev.heapwalk.memory.Machine;
import java.util.List;

/** One of which nothing is known. */
final class UnknownProcessor extends Processor {
    static final Processor PROCESSOR = new UnknownProcessor();

    private UnknownProcessor() {
        super(Machine.OTHER, List.of());
    }
}
