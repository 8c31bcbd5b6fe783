// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.ruby.layout.Flags;
import java.util.Arrays;

/** The type of a slot. C name {@code enum ruby_value_type}, the same in all versions supported. */
public enum RubyType {
    /** A free slot. */
    NONE(0x00),
    /** An object of a class that Ruby code defined. */
    OBJECT(0x01),
    /** A class. */
    CLASS(0x02),
    /** A module. */
    MODULE(0x03),
    /** A Float that does not fit in a value. */
    FLOAT(0x04),
    /** A String. */
    STRING(0x05),
    /** A Regexp. */
    REGEXP(0x06),
    /** An Array. */
    ARRAY(0x07),
    /** A Hash. */
    HASH(0x08),
    /** A Struct. */
    STRUCT(0x09),
    /** An Integer that does not fit in a value. */
    BIGNUM(0x0a),
    /** A File or another IO. */
    FILE(0x0b),
    /** An object that C code holds the data of. */
    DATA(0x0c),
    /** A MatchData. */
    MATCH(0x0d),
    /** A Complex. */
    COMPLEX(0x0e),
    /** A Rational. */
    RATIONAL(0x0f),
    /** Nil, which is never in a slot. */
    NIL(0x11),
    /** True, which is never in a slot. */
    TRUE(0x12),
    /** False, which is never in a slot. */
    FALSE(0x13),
    /** A Symbol that was made from a String. */
    SYMBOL(0x14),
    /** An Integer in a value, which is never in a slot. */
    FIXNUM(0x15),
    /** No value, which is never in a slot. */
    UNDEF(0x16),
    /** What the virtual machine keeps for itself. */
    IMEMO(0x1a),
    /** A node of a syntax tree. */
    NODE(0x1b),
    /** A module's place among the ancestors of a class. */
    ICLASS(0x1c),
    /** A dead object whose finalizer has yet to run. */
    ZOMBIE(0x1d),
    /** Where an object was before it was moved. */
    MOVED(0x1e),
    /** A number that stands for no type. */
    UNKNOWN(-1);

    private static final RubyType[] BY_TAG = new RubyType[(int) Flags.TYPE_MASK + 1];

    static {
        Arrays.fill(BY_TAG, UNKNOWN);
        for (RubyType type : values()) {
            if (type.tag >= 0) {
                BY_TAG[type.tag] = type;
            }
        }
    }

    private final int tag;
    private final String label;

    RubyType(int tag) {
        this.tag = tag;
        this.label = "T_" + name();
    }

    /**
     * The type that an object's flags tell.
     *
     * @param flags {@code RBasic.flags}
     * @return the type, {@link #UNKNOWN} if the number stands for none
     */
    public static RubyType of(long flags) {
        return BY_TAG[(int) (flags & Flags.TYPE_MASK)];
    }

    /**
     * The number in the flags.
     *
     * @return {@code RUBY_T_…}, -1 for {@link #UNKNOWN}
     */
    public int tag() {
        return tag;
    }

    /**
     * The name.
     *
     * @return for example {@code T_STRING}
     */
    public String label() {
        return label;
    }
}
