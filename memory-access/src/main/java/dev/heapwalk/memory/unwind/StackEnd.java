// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.unwind;

/** Why a {@link FrameCursor} found no further frame. */
public enum StackEnd {
    /** It has not come to an end. */
    NONE("there are more frames"),
    /** The rules say that there is no caller: where a thread or a program begins. */
    OUTERMOST("the thread begins here"),
    /**
     * There are no rules for the code of the last frame: it was made at run time, or its module was built without
     * {@code .eh_frame} or can't be read.
     */
    NO_RULES("no unwind rules are known for the code of this frame"),
    /** What should be a return address leads to no code. */
    NO_CALLER("what should be a return address leads to no code"),
    /** The rules, or what they lead to, make no sense. */
    DAMAGED("the rules for this frame, or the stack, are damaged"),
    /** The rules, or a part of the stack that they lead to, can't be read. */
    UNREADABLE("the rules for this frame, or a part of the stack, can't be read"),
    /** There are {@link FrameCursor#MOST_FRAMES} frames. */
    TOO_DEEP("there are more frames than are looked at"),
    /** Nothing is known of the thread's registers: it runs, or a core does not tell them. */
    NO_REGISTERS("the registers of the thread are not known"),
    /** Rules are understood for x86-64 and aarch64 alone. */
    UNSUPPORTED("frames are known of x86-64 and aarch64 alone");

    private final String reason;

    StackEnd(String reason) {
        this.reason = reason;
    }

    /**
     * The reason for a person.
     *
     * @return a text without a full stop
     */
    public String reason() {
        return reason;
    }
}
