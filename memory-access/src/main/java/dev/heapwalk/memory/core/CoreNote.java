// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.core;

/**
 * A note of a core file, {@code Elf64_Nhdr} with its name and descriptor.
 *
 * @param owner the name, such as {@code CORE} or {@code LINUX}
 * @param type {@code n_type}, one of {@code NT_*}
 * @param content the descriptor, not copied; nobody changes it
 */
public record CoreNote(String owner, int type, byte[] content) {
    /** The owner of notes that all systems have. */
    public static final String CORE = "CORE";
    /** The owner of notes that Linux alone has. */
    public static final String LINUX = "LINUX";

    /** {@code NT_PRSTATUS}: a thread, with its general registers. */
    public static final int STATUS = 1;
    /** {@code NT_PRFPREG}: the registers of floating-point numbers, and some of vectors. */
    public static final int FLOATS = 2;
    /** {@code NT_ARM_TLS}, of {@link #LINUX}: the thread pointer. */
    public static final int THREAD_POINTER = 0x401;
    /** {@code NT_PRPSINFO}: the process. */
    public static final int PROCESS_INFO = 3;
    /** {@code NT_AUXV}: what the kernel told the program when it started. */
    public static final int AUXILIARY = 6;
    /** {@code NT_FILE}: which files are mapped where. */
    public static final int FILES = 0x46494c45;
    /** {@code NT_SIGINFO}: the signal that a thread got. */
    public static final int SIGNAL_INFO = 0x53494749;
}
