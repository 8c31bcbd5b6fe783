// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import java.util.Optional;

/**
 * One thread of a target.
 *
 * @param tid the kernel's thread id, as seen by this process or as the core file has it
 * @param name the thread's name ({@code comm}), or empty where a core does not have it
 * @param registers its registers, for a stopped process or a core
 */
public record ThreadState(long tid, String name, Optional<Registers> registers) {}
