// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

/** How a method is defined. C name {@code rb_method_type_t}, in its order. */
public enum MethodType {
    /** In Ruby. */
    ISEQ("iseq"),
    /** In C. */
    CFUNC("cfunc"),
    /** By {@code attr_writer}. */
    ATTRSET("attrset"),
    /** By {@code attr_reader}. */
    IVAR("ivar"),
    /** By {@code define_method} with a block. */
    BMETHOD("bmethod"),
    /** By a change of visibility alone; the method is that of the superclass. */
    ZSUPER("zsuper"),
    /** As another name of a method. */
    ALIAS("alias"),
    /** By {@code undef}. */
    UNDEF("undef"),
    /** Not on this platform. */
    NOTIMPLEMENTED("notimplemented"),
    /** Within the interpreter, such as {@code Kernel#send} or the members of a Struct. */
    OPTIMIZED("optimized"),
    /** By {@code method_missing} and {@code respond_to_missing?}. */
    MISSING("missing"),
    /** In a refinement, for which it stands in the class itself. */
    REFINED("refined");

    private static final MethodType[] BY_NUMBER = values();

    private final String label;

    MethodType(String label) {
        this.label = label;
    }

    /**
     * The name of the type.
     *
     * @return C's name in small letters, for example {@code cfunc}
     */
    public String label() {
        return label;
    }

    /** The type of a number; null if there is none. */
    static MethodType of(int number) {
        return number < 0 || number >= BY_NUMBER.length ? null : BY_NUMBER[number];
    }
}
