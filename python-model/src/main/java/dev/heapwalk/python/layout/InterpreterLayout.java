// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * C name {@code PyInterpreterState}.
 *
 * @param next {@code next}
 * @param threadsHead {@code tstate_head}, since 3.11 {@code threads.head}
 * @param id {@code id}, or -1 where interpreters have none
 * @param modules {@code modules}, since 3.12 {@code imports.modules}
 * @param sysdict {@code sysdict}
 * @param builtins {@code builtins}
 */
public record InterpreterLayout(int next, int threadsHead, int id, int modules, int sysdict, int builtins) {
    /** How far a patch release moved fields at most, in bytes. */
    public static final int FARTHEST = 512;

    static InterpreterLayout of(int version) {
        return switch (version) {
            case 207 -> new InterpreterLayout(0, 8, -1, 16, 24, 32);
            case 306 -> new InterpreterLayout(0, 8, -1, 16, 32, 40);
            case 307 -> new InterpreterLayout(0, 8, 16, 40, 56, 64);
            case 308 -> new InterpreterLayout(0, 8, 16, 56, 72, 80);
            case 309, 310 -> new InterpreterLayout(0, 8, 24, 856, 872, 880);
            case 311 -> new InterpreterLayout(0, 16, 48, 888, 904, 912);
            case 312 -> new InterpreterLayout(0, 72, 8, 944, 352, 360);
            case 313 -> new InterpreterLayout(7264, 7344, 7272, 7656, 7640, 7648);
            case 314 -> new InterpreterLayout(7272, 7344, 7280, 7688, 7672, 7680);
            default -> new InterpreterLayout(7264, 7336, 7272, 7592, 7576, 7584);
        };
    }
}
