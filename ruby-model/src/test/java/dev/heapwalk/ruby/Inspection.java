// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.ruby.object.SpecialConstants;

/** Writes what is no reference as Ruby's {@code inspect} does. */
final class Inspection {
    private Inspection() {}

    /** The address of a reference, {@code sym} for a Symbol, else the text. */
    static String of(ObjectReader reader, long value) {
        if (reader.constants().isReference(value)) {
            return reader.at(value).type() == RubyType.SYMBOL ? "sym" : "0x%x".formatted(value);
        }
        return SpecialConstants.isStaticSymbol(value) ? "sym" : immediate(reader, value);
    }

    /** The text of what is neither a reference nor a Symbol. */
    static String immediate(ObjectReader reader, long value) {
        if (value == reader.constants().nil()) {
            return "nil";
        }
        if (value == 0 || value == SpecialConstants.TRUE) {
            return Boolean.toString(value != 0);
        }
        return SpecialConstants.isFixnum(value)
                ? Long.toString(value >> 1)
                : Double.toString(SpecialConstants.flonum(value))
                        .replace("E-", "e-")
                        .replace("E", "e+");
    }
}
