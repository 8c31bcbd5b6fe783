// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.unwind;

/** Rules make no sense. It ends the walk over one stack and leaves this package never. */
final class DamagedRulesException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    DamagedRulesException(String message) {
        super(message, null, false, false);
    }
}
