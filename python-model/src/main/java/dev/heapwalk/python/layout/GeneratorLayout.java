// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

import java.util.List;

/**
 * C names {@code PyGenObject}, {@code PyCoroObject} and {@code PyAsyncGenObject}, which are laid out alike.
 *
 * @param bytes how much of it is read, in bytes
 * @param frame {@code gi_frame}, or {@code gi_iframe}, which lies within the generator
 * @param inline whether it does
 * @param code {@code gi_code}, or -1 where only the frame knows it
 * @param name {@code gi_name}, or -1
 * @param qualname {@code gi_qualname}, or -1
 * @param running {@code gi_running}, a byte, or -1
 * @param state {@code gi_frame_state}, a byte, or -1; in 3.10 the {@code f_state} of the frame, a byte
 * @param states the values of the state
 * @param waiting how it is told that a suspended one waits for another
 */
public record GeneratorLayout(
        int bytes,
        int frame,
        boolean inline,
        int code,
        int name,
        int qualname,
        int running,
        int state,
        States states,
        Waiting waiting) {

    /**
     * The values of {@code gi_frame_state}.
     *
     * @param created {@code FRAME_CREATED}
     * @param suspended the first of those of suspended frames
     * @param delegating the first of those of frames that wait for another generator or awaitable; {@link #NONE} where
     *     it is not told
     * @param executing {@code FRAME_EXECUTING}
     */
    public record States(int created, int suspended, int delegating, int executing) {
        /** No state. */
        public static final int NONE = 127;
    }

    /**
     * How it is told that a suspended generator waits for another one, or for what can be awaited.
     *
     * @param opcodes the instructions that tell it, where it goes on; none where the state tells it
     * @param least the least argument that the instruction has then
     * @param depth how deep in its stack that other one lies, from 1 on
     */
    public record Waiting(List<Integer> opcodes, int least, int depth) {}

    private static final int YIELD_FROM = 72;

    static GeneratorLayout of(int version) {
        Waiting old = new Waiting(List.of(YIELD_FROM), 0, 1);
        return switch (version) {
            case 207 -> new GeneratorLayout(40, 16, false, 32, -1, -1, 24, -1, none(), new Waiting(List.of(), 0, 1));
            case 306, 307, 308, 309 -> new GeneratorLayout(64, 16, false, 32, 48, 56, 24, -1, none(), old);
            case 310 ->
                new GeneratorLayout(56, 16, false, 24, 40, 48, -1, 108, new States(-2, -1, States.NONE, 0), old);
            case 311 ->
                new GeneratorLayout(
                        80,
                        80,
                        true,
                        16,
                        32,
                        40,
                        -1,
                        75,
                        new States(-2, -1, States.NONE, 0),
                        new Waiting(List.of(151, 150), 2, 1));
            case 312 ->
                new GeneratorLayout(
                        72,
                        72,
                        true,
                        -1,
                        24,
                        32,
                        -1,
                        67,
                        new States(-2, -1, States.NONE, 0),
                        new Waiting(List.of(151, 240), 2, 1));
            case 313, 314 -> newest(new States(-3, -2, -1, 0), 1);
            default -> newest(new States(0, 1, 2, 4), 2);
        };
    }

    private static States none() {
        return new States(States.NONE, States.NONE, States.NONE, States.NONE);
    }

    private static GeneratorLayout newest(States states, int depth) {
        return new GeneratorLayout(72, 72, true, -1, 24, 32, -1, 67, states, new Waiting(List.of(), 0, depth));
    }
}
