// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import dev.heapwalk.memory.elf.ElfModule;
import java.util.Optional;

/**
 * One thread of a target, as it was when it was asked for.
 *
 * @param target the target that it belongs to
 * @param tid the kernel's thread id, as seen by this process or as the core file has it
 * @param name the thread's name ({@code comm}), or empty where a core does not have it
 * @param registers its registers, where the target stands still
 */
public record ThreadState(Target target, long tid, String name, Optional<Registers> registers) {

    /**
     * The part of its stack that is in use: from the stack pointer, with the red zone below it that some processors
     * have, to the end. That is where the block ends that glibc made for the thread, which has the thread's control
     * block and static thread-local storage behind the first frame; musl does not count these. For the main thread, for
     * threads of other libraries, and for a stack pointer that lies elsewhere (on a signal or coroutine stack), it is
     * the end of the mapping that it points into.
     *
     * @return target addresses; empty where there are no registers, or the stack pointer points to nothing
     */
    public Optional<Range> stack() {
        return registers.flatMap(known -> new ThreadStack(target.memory(), known).find());
    }

    /**
     * All that its stack may take, in use or not, without the pages that guard it: the block that the C library made
     * for the thread, or the mapping that the kernel calls {@code [stack]}, as far as it has grown.
     *
     * @return target addresses; empty where that is not known, as of a stack pointer that lies on a signal or coroutine
     *     stack
     */
    public Optional<Range> wholeStack() {
        return registers.flatMap(known -> new ThreadStack(target.memory(), known).whole());
    }

    /**
     * As {@link #stack()}, for another stack pointer: that of the code that a signal interrupted, on a stack that need
     * not be the one that the handler runs on.
     *
     * @param stackPointer a target address
     * @return target addresses; empty where there are no registers, or it points to nothing
     */
    public Optional<Range> stackFrom(long stackPointer) {
        return registers.flatMap(known -> new ThreadStack(target.memory(), known).from(stackPointer));
    }

    /**
     * The stack that the C library has given the thread, in use or not, also while the thread stands on another one.
     *
     * @return target addresses; empty for the main thread, for threads of other libraries than glibc and musl, and where
     *     there are no registers
     */
    public Optional<Range> ownStack() {
        return registers.flatMap(known -> new ThreadStack(target.memory(), known).own());
    }

    /**
     * Its copy of a module's thread-local variables. That of {@code symbol} lies at the beginning and {@link
     * ElfModule#tlsSymbol} of it.
     *
     * @param module one of {@link Target#modules()}
     * @return target addresses; empty where there are no registers or no thread pointer, the module has no such
     *     variables, the thread has not used them yet and glibc allocates them then, or they can't be found
     */
    public Optional<Range> tls(ElfModule module) {
        return registers
                .map(Registers::threadPointer)
                .filter(pointer -> pointer != 0)
                .flatMap(module::tlsBlock);
    }

    /**
     * The thread as it was when a signal handler interrupted it, if one runs now: with the registers of that moment,
     * but for those of segments and {@code orig_rax}. It may have been in another handler then. It is found by what the
     * kernel keeps on the stack, at most 256 KiB from the top; known of x86-64.
     *
     * @return the same thread with other registers; empty where it runs no handler, or has no registers
     */
    public Optional<ThreadState> interrupted() {
        return registers
                .flatMap(known -> new SignalFrame(target.memory(), known).find())
                .map(then -> new ThreadState(target, tid, name, Optional.of(then)));
    }

    /**
     * Whether it may be in the middle of a change to memory: it runs code, or has the kernel change the mappings. One
     * that is in another system call waits.
     *
     * @return whether it may; true on a processor whose registers do not tell, false where there are no registers
     */
    public boolean mayChangeMemory() {
        return registers
                .filter(known -> !known.processor().waits(known.general()))
                .isPresent();
    }

    /** Names it for messages, for example {@code thread 4711 (worker)}. */
    @Override
    public String toString() {
        return name.isEmpty() ? "thread " + tid : "thread " + tid + " (" + name + ")";
    }
}
