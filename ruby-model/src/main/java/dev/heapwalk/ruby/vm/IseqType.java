// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

/** What a piece of compiled code is for. C name {@code enum rb_iseq_type}, in its order. */
public enum IseqType {
    /** A file that was required or loaded. */
    TOP("top"),
    /** A method. */
    METHOD("method"),
    /** A block. */
    BLOCK("block"),
    /** The body of a class or module. */
    CLASS("class"),
    /** A {@code rescue} clause. */
    RESCUE("rescue"),
    /** An {@code ensure} clause that runs because of an exception. */
    ENSURE("ensure"),
    /** What {@code eval} was given. */
    EVAL("eval"),
    /** The file that the process was started with. */
    MAIN("main"),
    /** Code that the interpreter itself makes. */
    PLAIN("plain");

    private static final IseqType[] BY_NUMBER = values();

    private final String label;

    IseqType(String label) {
        this.label = label;
    }

    /**
     * The name that {@code RubyVM::InstructionSequence#to_a} gives it.
     *
     * @return for example {@code method}
     */
    public String label() {
        return label;
    }

    /** The type of a number; null if there is none. */
    static IseqType of(int number) {
        return number < 0 || number >= BY_NUMBER.length ? null : BY_NUMBER[number];
    }
}
