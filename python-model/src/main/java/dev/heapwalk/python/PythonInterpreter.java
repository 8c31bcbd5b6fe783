// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import java.util.List;

/**
 * An interpreter. C name {@code PyInterpreterState}.
 *
 * @param address target address of the structure
 * @param id {@code id}: 0 for the main interpreter; -1 before 3.7
 * @param main whether it is the main interpreter, the one that was made first
 * @param modules target address of the {@code dict} that is {@code sys.modules}
 * @param sysdict target address of the {@code dict} with what the module {@code sys} holds
 * @param builtins target address of the {@code dict} with what the module {@code builtins} holds
 * @param threads its threads, the one that was made last first
 */
public record PythonInterpreter(
        long address, long id, boolean main, long modules, long sysdict, long builtins, List<PythonThread> threads) {

    /** Keeps a list of its own. */
    public PythonInterpreter {
        threads = List.copyOf(threads);
    }
}
