// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.residency;

import dev.heapwalk.memory.Target;
import java.util.List;

/**
 * Knows memory of a runtime whose objects no heap tells, by what its mappings are. Implementations are found by {@link
 * java.util.ServiceLoader}. They keep nothing of a target, and any thread may call them.
 */
@FunctionalInterface
public interface ClaimProvider {
    /**
     * Tells what is known. A page that a block of a heap lies on is that heap's all the same, and of what several claim
     * the first one has it.
     *
     * @param target an open target
     * @return the ranges in any order; none if there is no such runtime
     */
    List<Claim> claims(Target target);
}
