// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cpp.name;

import java.util.List;

/** A part of a name: a type, the name of something, or an expression. */
sealed interface Part {
    Part NOTHING = new Text("");

    /** Words as they are. */
    record Text(String text) implements Part {}

    /** A member of a namespace or class. */
    record Nested(Part scope, Part member) implements Part {}

    /** Something in a function, or in a default argument of one. */
    record Local(Part function, Part member) implements Part {}

    record Template(Part name, List<Part> arguments) implements Part {}

    /** Arguments that one parameter stands for. */
    record Pack(List<Part> elements) implements Part {}

    /** A parameter of the function's template, and what it stands for. */
    record Parameter(Part value) implements Part {}

    /** A pattern that is repeated for each element of the packs in it. */
    record Expansion(Part pattern) implements Part {}

    /** A type with words behind it, such as {@code const}. */
    record Qualified(Part type, String words) implements Part {}

    /** A pointer or a reference. */
    record Pointer(Part to, String sign) implements Part {}

    record MemberPointer(Part owner, Part type) implements Part {}

    record Array(Part element, Part length) implements Part {}

    /** A function's type; the result is {@link #NOTHING} where the name does not tell it. */
    record Function(Part result, List<Part> parameters, String words) implements Part {}

    /** A function by its name and type. */
    record Encoding(Part name, Function type) implements Part {}

    /** Words, an expression, and words. */
    record Around(String before, Part inner, String after) implements Part {}

    /** Operands with an operator between them. */
    record Binary(Part left, String operator, Part right) implements Part {}

    /** An operator before its operand. */
    record Unary(String operator, Part operand) implements Part {}

    /** Parts one after the other. */
    record Row(List<Part> parts) implements Part {}

    /** Parts with commas between them. */
    record Commas(List<Part> parts) implements Part {}

    /** How many elements a pack has. */
    record Size(Part pack) implements Part {}

    /** An operand, in parentheses unless it is a name. */
    record Operand(Part inner) implements Part {}

    /** A lambda by its parameters. */
    record Lambda(List<Part> parameters, long number) implements Part {}
}
