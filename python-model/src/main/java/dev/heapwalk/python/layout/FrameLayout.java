// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * What tells how large frames and generators are, whose items since 3.11 are not counted by themselves: C names {@code
 * PyFrameObject}, {@code PyGenObject}, {@code _PyInterpreterFrame} and {@code PyCodeObject}.
 *
 * @param generatorCode where a generator has the code that it runs, or -1 where sizes are those of other objects
 * @param frame {@code f_frame} of a frame
 * @param frameCode the code in the {@code _PyInterpreterFrame} that it points to
 * @param locals {@code co_nlocalsplus}, 32 bits
 * @param stack {@code co_stacksize}, 32 bits
 */
public record FrameLayout(int generatorCode, int frame, int frameCode, int locals, int stack) {
    /** The bits of a pointer to code that are a tag. */
    public static final long TAG = 7;

    static FrameLayout of(int version) {
        if (version < 311) {
            return new FrameLayout(-1, -1, -1, -1, version == 207 ? 24 : version < 308 ? 28 : 32);
        }
        return version == 311 ? new FrameLayout(16, 24, 32, 76, 68) : new FrameLayout(72, 24, 0, 72, 64);
    }
}
