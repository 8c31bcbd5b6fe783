// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * C name {@code PyThreadState}.
 *
 * @param next {@code next}
 * @param interp {@code interp}
 * @param threadId {@code thread_id}, the {@code pthread_t}
 * @param nativeThreadId {@code native_thread_id}, the kernel's number, or -1 where it is not kept
 * @param frame {@code frame}, {@code cframe} in 3.11 and 3.12, since then {@code current_frame}: what runs now
 * @param cframe {@code current_frame} of the {@code _PyCFrame} that {@code cframe} points to, or -1 where there is none
 */
public record ThreadLayout(int next, int interp, int threadId, int nativeThreadId, int frame, int cframe) {

    static ThreadLayout of(int version) {
        return switch (version) {
            case 207 -> new ThreadLayout(0, 8, 144, -1, 16, -1);
            case 306 -> new ThreadLayout(8, 16, 152, -1, 24, -1);
            case 307, 308, 309, 310 -> new ThreadLayout(8, 16, 176, -1, 24, -1);
            case 312 -> new ThreadLayout(8, 16, 136, 144, 56, 0);
            case 311 -> new ThreadLayout(8, 16, 152, 160, 56, 8);
            case 313, 314 -> new ThreadLayout(8, 16, 152, 160, 72, -1);
            default -> new ThreadLayout(8, 16, 176, 184, 72, -1);
        };
    }
}
