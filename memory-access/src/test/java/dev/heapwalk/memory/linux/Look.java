// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetOptions;
import java.util.function.Consumer;

/** The ways to look at a process that lives. */
enum Look {
    /** It is stopped while it is looked at. */
    ATTACH,
    /** It is observed, and held for a while. */
    HOLD,
    /** It runs on. */
    OBSERVE,
    /** It is made to fork a frozen copy, and runs on while that is looked at. */
    FORK;

    /** Whether the process itself stands still while it is looked at. */
    boolean stops() {
        return this == ATTACH || this == HOLD;
    }

    /** Whether threads of the process are interrupted, if only for a moment. */
    boolean interrupts() {
        return this != OBSERVE;
    }

    /**
     * Looks at a process once.
     *
     * @param pid the process
     * @param libc the C library
     * @param what is done with the target
     */
    void at(long pid, Libc libc, Consumer<Target> what) {
        ProcFs proc = ProcFs.ofThisMachine();
        switch (this) {
            case ATTACH -> {
                try (Target target = LiveTarget.attach(pid, libc, proc)) {
                    what.accept(target);
                }
            }
            case HOLD -> {
                try (Target target = LiveTarget.observe(pid, libc, proc)) {
                    for (int i = 0; i < 4; i++) {
                        try (var _ = target.stop()) {
                            what.accept(target);
                        }
                    }
                }
            }
            case OBSERVE -> {
                try (Target target = LiveTarget.observe(pid, libc, proc)) {
                    what.accept(target);
                }
            }
            case FORK -> {
                try (Target copy = LiveTarget.fork(pid, TargetOptions.DEFAULT, libc, proc)) {
                    what.accept(copy);
                }
            }
        }
    }
}
