// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.elf.ElfModule;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Whether threads are inside an allocator: in its code, in what that has called of the system's libraries, or in a
 * signal handler that interrupted one of these.
 */
public final class Calls {
    /** Where a function of the C library that calls the kernel has its return address, in words from the top. */
    private static final int FRAME = 16;

    /** So many signal handlers of a thread are looked behind, of which each has interrupted the one before. */
    private static final int MOST_HANDLERS = 8;

    /** What an allocator calls: the C library in its parts, the dynamic linker, and what a compiler needs. */
    private static final Pattern CALLED = Pattern.compile(
            "(libc|libpthread|libm|ld|ld-linux.*|ld-musl.*|libstdc\\+\\+|libc\\+\\+(abi)?|libgcc_s)[-.].*");

    private static final String VDSO = "[vdso]";

    private final ElfModule module;
    private final Reader reader;
    private final Mappings mappings;
    private final List<ElfModule> called;

    private Calls(Target target, ElfModule module, Reader reader) {
        this.module = module;
        this.reader = reader;
        this.mappings = target.memory().mappings();
        this.called = target.modules().stream()
                .filter(other -> CALLED.matcher(
                                other.path().substring(other.path().lastIndexOf('/') + 1))
                        .matches())
                .toList();
    }

    /**
     * Whether a thread is inside a module, or in a call that the module has just made. What a frame still has of calls
     * that have returned may lead into the module: only what comes before the way out of the system's libraries is
     * looked at.
     *
     * @param target a target that stands still
     * @param module what has the allocator
     * @param reader reads the target
     * @return whether one is; unsure where a program has the allocator in itself
     */
    public static boolean into(Target target, ElfModule module, Reader reader) {
        Calls calls = new Calls(target, module, reader);
        for (ThreadState thread : target.threads()) {
            Optional<ThreadState> at = Optional.of(thread);
            for (int handlers = 0; at.isPresent() && handlers <= MOST_HANDLERS; handlers++) {
                if (at.get().registers().map(calls::inside).orElse(false)) {
                    return true;
                }
                at = at.get().interrupted();
            }
        }
        return false;
    }

    private boolean inside(Registers registers) {
        if (module.contains(registers.programCounter())) {
            return true;
        }
        if (!mayBeCalled(registers.programCounter())) {
            return false;
        }
        for (int i = 0; i < FRAME; i++) {
            long word = reader.readLong(registers.stackPointer() + (long) Long.BYTES * i, 0);
            if (mappings.at(word).filter(Mapping::executable).isPresent()) {
                if (module.contains(word)) {
                    return true;
                }
                if (!mayBeCalled(word)) {
                    return false;
                }
            }
        }
        return false;
    }

    /** Whether an address lies in something that an allocator calls. */
    private boolean mayBeCalled(long address) {
        for (ElfModule each : called) {
            if (each.contains(address)) {
                return true;
            }
        }
        return mappings.at(address).filter(at -> VDSO.equals(at.path())).isPresent();
    }
}
