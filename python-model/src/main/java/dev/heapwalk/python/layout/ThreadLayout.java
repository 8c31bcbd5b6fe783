// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * C name {@code PyThreadState}.
 *
 * @param next {@code next}
 * @param interp {@code interp}
 * @param threadId {@code thread_id}, the {@code pthread_t}
 * @param nativeThreadId {@code native_thread_id}, the kernel's number, or -1 where it is not kept
 */
public record ThreadLayout(int next, int interp, int threadId, int nativeThreadId) {

    static ThreadLayout of(int version) {
        return switch (version) {
            case 207 -> new ThreadLayout(0, 8, 144, -1);
            case 306 -> new ThreadLayout(8, 16, 152, -1);
            case 307, 308, 309, 310 -> new ThreadLayout(8, 16, 176, -1);
            case 312 -> new ThreadLayout(8, 16, 136, 144);
            case 311, 313, 314 -> new ThreadLayout(8, 16, 152, 160);
            default -> new ThreadLayout(8, 16, 176, 184);
        };
    }
}
