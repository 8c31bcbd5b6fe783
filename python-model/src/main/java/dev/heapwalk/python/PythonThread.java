// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

/**
 * A thread as an interpreter knows it. C name {@code PyThreadState}.
 *
 * @param address target address of the structure
 * @param threadId {@code thread_id}, the {@code pthread_t}
 * @param nativeThreadId {@code native_thread_id}, the kernel's number of the thread, since 3.11; -1 before
 */
public record PythonThread(long address, long threadId, long nativeThreadId) {}
