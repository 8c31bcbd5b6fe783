// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.elf.ElfModule;
import java.util.List;

/**
 * The modules of a process when it was looked at ahead: what was found among them holds as long as they are the same.
 */
final class ModulesAhead {
    private final List<ElfModule> modules;

    private ModulesAhead(List<ElfModule> modules) {
        this.modules = modules;
    }

    /**
     * Those that are loaded. To be asked before what is found among them: what is loaded later is another list then.
     */
    static ModulesAhead of(Target target) {
        return new ModulesAhead(target.modules());
    }

    /** Whether no module was loaded or removed, and the process has not become another program. */
    boolean stillIn(Target target) {
        List<ElfModule> now = target.modules();
        boolean same = now.size() == modules.size();
        for (int i = 0; same && i < now.size(); i++) {
            // What is still loaded is the same object.
            same = now.get(i) == modules.get(i);
        }
        return same;
    }
}
