// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.unwind;

import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.elf.ElfSymbol;
import java.util.Optional;

/**
 * A frame of a thread's stack.
 *
 * @param level 0 for the innermost one
 * @param programCounter target address of the next instruction: in all but the innermost frame, and those that a signal
 *     interrupted, where a call returns to
 * @param stackPointer target address of the top of the stack in this frame
 * @param callFrameAddress where the stack pointer was before the frame was made, the CFA of DWARF; of a signal frame
 *     where it was when the signal came. 0 if it is not known, in the last frame alone
 * @param signal whether it is no function's, but the code that ends a signal handler, which is the frame before
 * @param module the module whose code it is
 * @param function the symbol that names the code
 */
public record Frame(
        int level,
        long programCounter,
        long stackPointer,
        long callFrameAddress,
        boolean signal,
        Optional<ElfModule> module,
        Optional<ElfSymbol> function) {}
