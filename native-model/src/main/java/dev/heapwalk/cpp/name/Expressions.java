// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cpp.name;

import dev.heapwalk.cpp.name.Part.Around;
import dev.heapwalk.cpp.name.Part.Binary;
import dev.heapwalk.cpp.name.Part.Commas;
import dev.heapwalk.cpp.name.Part.Expansion;
import dev.heapwalk.cpp.name.Part.Nested;
import dev.heapwalk.cpp.name.Part.Operand;
import dev.heapwalk.cpp.name.Part.Pointer;
import dev.heapwalk.cpp.name.Part.Row;
import dev.heapwalk.cpp.name.Part.Size;
import dev.heapwalk.cpp.name.Part.Template;
import dev.heapwalk.cpp.name.Part.Text;
import dev.heapwalk.cpp.name.Part.Unary;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Reads expressions, as conditions of templates have them, and the names of operators. */
final class Expressions {
    private static final int DEEPEST = 128;

    private static final Map<String, String> UNARY =
            Map.of("ps", "+", "ng", "-", "ad", "&", "de", "*", "co", "~", "nt", "!", "pp", "++", "mm", "--");

    private static final Map<String, String> BINARY = Map.ofEntries(
            Map.entry("pl", "+"),
            Map.entry("mi", "-"),
            Map.entry("ml", "*"),
            Map.entry("dv", "/"),
            Map.entry("rm", "%"),
            Map.entry("an", "&"),
            Map.entry("or", "|"),
            Map.entry("eo", "^"),
            Map.entry("aS", "="),
            Map.entry("pL", "+="),
            Map.entry("mI", "-="),
            Map.entry("mL", "*="),
            Map.entry("dV", "/="),
            Map.entry("rM", "%="),
            Map.entry("aN", "&="),
            Map.entry("oR", "|="),
            Map.entry("eO", "^="),
            Map.entry("ls", "<<"),
            Map.entry("rs", ">>"),
            Map.entry("lS", "<<="),
            Map.entry("rS", ">>="),
            Map.entry("eq", "=="),
            Map.entry("ne", "!="),
            Map.entry("lt", "<"),
            Map.entry("gt", ">"),
            Map.entry("le", "<="),
            Map.entry("ge", ">="),
            Map.entry("ss", "<=>"),
            Map.entry("aa", "&&"),
            Map.entry("oo", "||"),
            Map.entry("cm", ","),
            Map.entry("pm", "->*"),
            Map.entry("ds", ".*"));

    /** What only names of functions have. */
    private static final Map<String, String> OTHERS = Map.of(
            "nw",
            " new",
            "na",
            " new[]",
            "dl",
            " delete",
            "da",
            " delete[]",
            "pt",
            "->",
            "cl",
            "()",
            "ix",
            "[]",
            "qu",
            "?",
            "aw",
            " co_await");

    private static final Map<String, String> CASTS =
            Map.of("dc", "dynamic_cast", "sc", "static_cast", "cc", "const_cast", "rc", "reinterpret_cast");

    private final Parser in;
    private int depth;

    Expressions(Parser parser) {
        in = parser;
    }

    private String code() {
        return "" + in.peek() + in.peek(1);
    }

    /** The name of a function that is an operator. */
    Part operatorName() {
        String code = code();
        in.skip(2);
        if (code.equals("cv")) {
            return new Around("operator ", in.type(), "");
        }
        if (code.equals("li")) {
            return new Text("operator\"\" " + in.source());
        }
        String sign = BINARY.getOrDefault(code, UNARY.getOrDefault(code, OTHERS.get(code)));
        if (sign == null) {
            throw new MalformedNameException();
        }
        return new Text("operator" + sign);
    }

    Part expression() {
        if (++depth > DEEPEST) {
            throw new MalformedNameException();
        }
        Part found = any();
        depth--;
        return found;
    }

    private Part any() {
        char first = in.peek();
        if (first == 'L') {
            return literal();
        }
        if (first == 'T') {
            return in.parameter();
        }
        if (Character.isDigit(first)) {
            return unresolved();
        }
        String code = code();
        if (UNARY.containsKey(code)) {
            in.skip(2);
            if (code.equals("pp") || code.equals("mm")) {
                in.takes("_");
            }
            return new Unary(UNARY.get(code), expression());
        }
        if (BINARY.containsKey(code) && !code.equals("ds")) {
            in.skip(2);
            Part left = expression();
            return new Binary(left, BINARY.get(code), expression());
        }
        if (CASTS.containsKey(code)) {
            in.skip(2);
            Part type = in.type();
            return new Row(List.of(new Text(CASTS.get(code) + "<"), type, new Text(">("), expression(), new Text(")")));
        }
        switch (code) {
            case "cl" -> {
                in.skip(2);
                Part called = expression();
                return new Row(List.of(new Operand(called), new Around("(", new Commas(upToEnd()), ")")));
            }
            case "cv" -> {
                in.skip(2);
                Part type = in.type();
                List<Part> values = in.takes("_") ? upToEnd() : List.of(expression());
                return new Row(List.of(new Around("(", type, ")"), new Around("(", new Commas(values), ")")));
            }
            case "tl" -> {
                in.skip(2);
                Part type = in.type();
                return new Row(List.of(type, new Around("{", new Commas(upToEnd()), "}")));
            }
            case "il" -> {
                in.skip(2);
                return new Around("{", new Commas(upToEnd()), "}");
            }
            case "sr" -> {
                in.skip(2);
                return scoped();
            }
            case "sp" -> {
                in.skip(2);
                return new Expansion(expression());
            }
            case "sZ" -> {
                in.skip(2);
                if (in.peek() == 'T') {
                    return new Size(in.parameter());
                }
                throw new MalformedNameException();
            }
            case "st" -> {
                in.skip(2);
                return new Around("sizeof (", in.type(), ")");
            }
            case "sz" -> {
                in.skip(2);
                return new Row(List.of(new Text("sizeof "), new Operand(expression())));
            }
            case "at" -> {
                in.skip(2);
                return new Around("alignof (", in.type(), ")");
            }
            case "nx" -> {
                in.skip(2);
                return new Around("noexcept(", expression(), ")");
            }
            case "dt", "pt" -> {
                in.skip(2);
                Part of = expression();
                return new Row(List.of(new Operand(of), new Text(code.equals("dt") ? "." : "->"), unresolved()));
            }
            case "ix" -> {
                in.skip(2);
                Part of = expression();
                return new Row(List.of(new Operand(of), new Text("["), expression(), new Text("]")));
            }
            case "qu" -> {
                in.skip(2);
                Part condition = expression();
                Part yes = expression();
                return new Row(List.of(
                        new Operand(condition),
                        new Text("?"),
                        new Operand(yes),
                        new Text(" : "),
                        new Operand(expression())));
            }
            case "fp" -> {
                in.skip(2);
                int number = in.peek() == 'T' ? 0 : in.index() + 1;
                if (number == 0) {
                    in.skip(1);
                    return new Text("this");
                }
                return new Text("{parm#" + number + "}");
            }
            case "on" -> {
                return unresolved();
            }
            default -> throw new MalformedNameException();
        }
    }

    /** A member of what is looked up where the template is used, or of a type. */
    private Part scoped() {
        if (in.takes("N")) {
            Part scope = in.type();
            while (!in.takes("E")) {
                scope = new Nested(scope, unresolved());
            }
            return new Nested(scope, unresolved());
        }
        int start = in.place();
        if (Character.isDigit(in.peek())) {
            Part scope = unresolved();
            while (Character.isDigit(in.peek())) {
                scope = new Nested(scope, unresolved());
            }
            if (in.takes("E") && (Character.isDigit(in.peek()) || code().equals("on"))) {
                return new Nested(scope, unresolved());
            }
            in.back(start);
        }
        Part type = in.type();
        return new Nested(type, unresolved());
    }

    private List<Part> upToEnd() {
        List<Part> all = new ArrayList<>();
        while (!in.takes("E")) {
            all.add(expression());
        }
        return all;
    }

    /** A name that is looked up where the template is used. */
    private Part unresolved() {
        Part found;
        if (in.takes("on")) {
            found = operatorName();
        } else if (Character.isDigit(in.peek())) {
            found = new Text(in.source());
        } else {
            throw new MalformedNameException();
        }
        return in.peek() == 'I' ? new Template(found, in.arguments(false)) : found;
    }

    /** A value of a type, or something by its name. */
    Part literal() {
        in.expect('L');
        if (in.takes("_Z")) {
            Part named = in.encoding();
            in.expect('E');
            return named;
        }
        Part type = in.type();
        boolean negative = in.takes("n");
        StringBuilder value = new StringBuilder();
        while (in.peek() != 'E' && in.peek() != 0) {
            value.append(in.take());
        }
        in.expect('E');
        String digits = (negative ? "-" : "") + value;
        String builtin = type instanceof Text(String text) ? text : "";
        return switch (builtin) {
            case "int" -> new Text(digits);
            case "unsigned int" -> new Text(digits + "u");
            case "long" -> new Text(digits + "l");
            case "unsigned long" -> new Text(digits + "ul");
            case "long long" -> new Text(digits + "ll");
            case "unsigned long long" -> new Text(digits + "ull");
            case "bool" -> new Text(digits.equals("0") ? "false" : digits.equals("1") ? "true" : "(bool)" + digits);
            case "float", "double", "long double" ->
                new Row(List.of(new Text("("), type, new Text(")[" + digits + "]")));
            default ->
                type instanceof Pointer && digits.isEmpty()
                        ? new Around("(", type, ")0")
                        : new Around("(", type, ")" + digits);
        };
    }
}
