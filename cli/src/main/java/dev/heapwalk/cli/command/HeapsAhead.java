// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;

/**
 * The heaps of a process that were located before it was stopped, so that little is left to be looked at while it
 * stands still. What was found while it ran is taken over only where nothing speaks against it: it is never the reason
 * for what is told to be damaged or missing.
 */
final class HeapsAhead {
    private final HeapCommand.Scope scope;
    private final ModulesAhead modules;
    private final Heaps known;

    private HeapsAhead(HeapCommand.Scope scope, ModulesAhead modules, Heaps known) {
        this.scope = scope;
        this.modules = modules;
        this.known = known;
    }

    /**
     * Locates the heaps of a process that runs on.
     *
     * @param heaps all heaps of the process
     * @param scope which of them
     */
    static HeapsAhead of(Heaps heaps, HeapCommand.Scope scope) {
        ModulesAhead modules = ModulesAhead.of(heaps.target());
        scope.of(heaps).list();
        return new HeapsAhead(scope, modules, heaps);
    }

    /** What must be at rest for the runtimes among them to be whole. */
    Rest rest() {
        return rest(scope.of(known));
    }

    /** What must be at rest for heaps to be whole. */
    static Rest rest(Heaps heaps) {
        return heaps.list().stream().map(Heap::rest).reduce(Rest.ALWAYS, Rest::and);
    }

    /** The heaps as they are now, of the same process or of another one. */
    Heaps now(Target target) {
        if (target != known.target() || !modules.stillIn(target)) {
            return Heaps.of(target);
        }
        try {
            Heaps now = known.refresh();
            return scope.of(now).list().stream().allMatch(HeapsAhead::sound) ? now : Heaps.of(target);
        } catch (TargetException e) {
            return Heaps.of(target);
        }
    }

    private static boolean sound(Heap heap) {
        return heap.damage().isEmpty() && heap.missing().isEmpty();
    }
}
