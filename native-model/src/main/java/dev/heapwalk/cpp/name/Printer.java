// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cpp.name;

import dev.heapwalk.cpp.name.Part.Around;
import dev.heapwalk.cpp.name.Part.Array;
import dev.heapwalk.cpp.name.Part.Binary;
import dev.heapwalk.cpp.name.Part.Commas;
import dev.heapwalk.cpp.name.Part.Encoding;
import dev.heapwalk.cpp.name.Part.Expansion;
import dev.heapwalk.cpp.name.Part.Function;
import dev.heapwalk.cpp.name.Part.Lambda;
import dev.heapwalk.cpp.name.Part.Local;
import dev.heapwalk.cpp.name.Part.MemberPointer;
import dev.heapwalk.cpp.name.Part.Nested;
import dev.heapwalk.cpp.name.Part.Operand;
import dev.heapwalk.cpp.name.Part.Pack;
import dev.heapwalk.cpp.name.Part.Parameter;
import dev.heapwalk.cpp.name.Part.Pointer;
import dev.heapwalk.cpp.name.Part.Qualified;
import dev.heapwalk.cpp.name.Part.Row;
import dev.heapwalk.cpp.name.Part.Size;
import dev.heapwalk.cpp.name.Part.Template;
import dev.heapwalk.cpp.name.Part.Text;
import dev.heapwalk.cpp.name.Part.Unary;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/** Writes a name as C++ has it, in the style of {@code c++filt}, but for spaces between {@code >>}. */
final class Printer {
    /** Repeated parts may make a name of a few letters as long as one likes. */
    private static final int LONGEST = 1 << 16;

    private static final int DEEPEST = 512;

    /** Namespaces in {@code std} that only tell versions of the library. */
    private static final Set<String> VERSIONS = Set.of("__cxx11", "__1", "__ndk1", "_V2");
    /** Arguments that are left to their defaults nearly always. */
    private static final Set<String> DEFAULTS =
            Set.of("allocator", "char_traits", "less", "hash", "equal_to", "default_delete");

    private static final Map<String, String> STRINGS = Map.of(
            "std::basic_string<char>", "std::string",
            "std::basic_string<wchar_t>", "std::wstring");

    private final StringBuilder out = new StringBuilder();
    private final boolean brief;
    /** Which element of packs is written, -1 for all. */
    private int element = -1;

    private int depth;
    private int steps;

    private Printer(boolean brief) {
        this.brief = brief;
    }

    /** Writes all of a name. */
    static String print(Part part) {
        return print(part, false);
    }

    /**
     * Writes a name.
     *
     * @param part the name
     * @param brief whether what most types of the standard library have in common is left out
     */
    static String print(Part part, boolean brief) {
        Printer printer = new Printer(brief);
        printer.whole(part);
        return printer.out.toString();
    }

    private void whole(Part part) {
        left(part);
        right(part);
    }

    private void step() {
        if (out.length() > LONGEST || ++steps > LONGEST || depth > DEEPEST) {
            throw new MalformedNameException();
        }
    }

    /** What a parameter stands for where one element of its pack is written. */
    private Part resolved(Part part) {
        if (!(part instanceof Parameter(Part value))) {
            return part;
        }
        return value instanceof Pack(List<Part> elements) && element >= 0 && element < elements.size()
                ? elements.get(element)
                : value;
    }

    /** Writes all that stands before the name of what has this type. */
    private void left(Part given) {
        step();
        depth++;
        Part part = resolved(given);
        switch (part) {
            case Text(String text) -> out.append(text);
            case Nested(Part scope, Part member) -> {
                whole(brief ? withoutVersion(scope) : scope);
                out.append("::");
                whole(member);
            }
            case Local(Part function, Part member) -> {
                whole(
                        function instanceof Encoding(Part name, Function type)
                                ? new Encoding(name, new Function(Part.NOTHING, type.parameters(), type.words()))
                                : function);
                out.append("::");
                whole(member);
            }
            case Template(Part name, List<Part> arguments) -> {
                int start = out.length();
                whole(name);
                if (endsIn('<')) {
                    out.append(' ');
                }
                out.append('<');
                commas(brief ? withoutDefaults(arguments) : arguments);
                out.append('>');
                if (brief && STRINGS.containsKey(out.substring(start))) {
                    out.replace(start, out.length(), STRINGS.get(out.substring(start)));
                }
            }
            case Pack(List<Part> elements) -> commas(elements);
            case Parameter parameter -> throw new IllegalStateException("a parameter of a parameter");
            case Commas(List<Part> parts) -> commas(parts);
            case Expansion(Part pattern) -> expand(pattern);
            case Qualified(Part type, String words) -> {
                left(type);
                boolean already = resolved(type) instanceof Qualified(Part inner, String same) && same.equals(words);
                out.append(already ? "" : words);
            }
            case Pointer pointer -> {
                Pointer collapsed = collapsed(pointer);
                Part to = resolved(collapsed.to());
                left(to);
                out.append(isArray(to) ? " (" : isFunction(to) ? "(" : "").append(collapsed.sign());
            }
            case MemberPointer(Part owner, Part type) -> {
                left(type);
                Part to = resolved(type);
                out.append(isFunction(to) ? "(" : isArray(to) ? " (" : " ");
                whole(owner);
                out.append("::*");
            }
            case Array array -> left(array.element());
            case Function function -> result(function.result());
            case Encoding(Part name, Function type) -> {
                result(type.result());
                whole(name);
            }
            case Around(String before, Part inner, String after) -> {
                out.append(before);
                whole(inner);
                out.append(after);
            }
            case Binary(Part first, String operator, Part second) -> {
                boolean greater = operator.equals(">") || operator.equals(">>");
                out.append(greater ? "(" : "");
                operand(first);
                out.append(operator);
                operand(second);
                out.append(greater ? ")" : "");
            }
            case Unary(String operator, Part inner) -> {
                out.append(operator);
                if (operator.equals("&") && resolved(inner) instanceof Encoding(Nested name, Function type)) {
                    whole(name);
                } else {
                    operand(inner);
                }
            }
            case Operand(Part inner) -> operand(inner);
            case Row(List<Part> parts) -> parts.forEach(this::whole);
            case Size(Part pack) -> out.append(Math.max(0, packSize(pack)));
            case Lambda(List<Part> parameters, long number) -> {
                out.append("{lambda");
                parameters(parameters);
                out.append('#').append(number).append('}');
            }
        }
        depth--;
    }

    private static Part withoutVersion(Part scope) {
        return scope instanceof Nested(Text(String outer), Text(String inner))
                        && outer.equals("std")
                        && VERSIONS.contains(inner)
                ? new Text("std")
                : scope;
    }

    private List<Part> withoutDefaults(List<Part> arguments) {
        return IntStream.range(0, arguments.size())
                .filter(i -> i == 0 || !isDefault(resolved(arguments.get(i))))
                .mapToObj(arguments::get)
                .toList();
    }

    private static boolean isDefault(Part argument) {
        return argument instanceof Template(Nested(Part scope, Text(String name)), List<Part> arguments)
                && withoutVersion(scope) instanceof Text(String outer)
                && outer.equals("std")
                && DEFAULTS.contains(name);
    }

    private void result(Part result) {
        if (result != Part.NOTHING) {
            left(result);
            if (!isFunction(pointee(result))) {
                out.append(' ');
            }
        }
    }

    private Part pointee(Part part) {
        return resolved(part) instanceof Pointer(Part to, String sign) ? resolved(to) : Part.NOTHING;
    }

    /** Writes all that stands behind it. */
    private void right(Part given) {
        step();
        depth++;
        switch (resolved(given)) {
            case Qualified(Part type, String words) -> right(type);
            case Pointer pointer -> {
                Part to = resolved(collapsed(pointer).to());
                out.append(isArray(to) || isFunction(to) ? ")" : "");
                right(to);
            }
            case MemberPointer(Part owner, Part type) -> {
                Part to = resolved(type);
                out.append(isArray(to) || isFunction(to) ? ")" : "");
                right(to);
            }
            case Array(Part type, Part length) -> {
                out.append(endsIn(']') ? "[" : " [");
                whole(length);
                out.append(']');
                right(type);
            }
            case Function(Part result, List<Part> parameters, String words) -> {
                parameters(parameters);
                out.append(words);
                right(result);
            }
            case Encoding(Part name, Function type) -> right(type);
            default -> {}
        }
        depth--;
    }

    private void parameters(List<Part> parameters) {
        out.append('(');
        boolean none =
                parameters.size() == 1 && parameters.getFirst() instanceof Text(String text) && text.equals("void");
        if (!none) {
            commas(parameters);
        }
        out.append(')');
    }

    /** References of references are one. */
    private Pointer collapsed(Pointer pointer) {
        if (pointer.sign().startsWith("&") && resolved(pointer.to()) instanceof Pointer(Part to, String sign)) {
            if (sign.equals("&")) {
                return new Pointer(to, "&");
            }
            if (sign.equals("&&")) {
                return new Pointer(to, pointer.sign());
            }
        }
        return pointer;
    }

    private boolean isArray(Part part) {
        return switch (part) {
            case Array array -> true;
            case Qualified(Part type, String words) -> isArray(resolved(type));
            default -> false;
        };
    }

    private boolean isFunction(Part part) {
        return part instanceof Function;
    }

    private void commas(List<Part> parts) {
        int start = out.length();
        for (Part part : parts) {
            int before = out.length();
            if (before > start) {
                out.append(", ");
            }
            int written = out.length();
            whole(part);
            if (out.length() == written) {
                // An empty pack.
                out.setLength(before);
            }
        }
    }

    private void expand(Part pattern) {
        int size = packSize(pattern);
        if (size < 0) {
            whole(pattern);
            out.append("...");
            return;
        }
        int outer = element;
        for (int i = 0; i < size; i++) {
            out.append(i == 0 ? "" : ", ");
            element = i;
            whole(pattern);
        }
        element = outer;
    }

    /** How many elements the first pack in a pattern has, -1 if there is none. */
    private int packSize(Part part) {
        step();
        return switch (part) {
            case Parameter(Part value) -> value instanceof Pack(List<Part> elements) ? elements.size() : -1;
            case Nested(Part scope, Part member) -> packSize(List.of(scope, member));
            case Local(Part function, Part member) -> packSize(List.of(function, member));
            case Template(Part name, List<Part> arguments) -> Math.max(packSize(name), packSize(arguments));
            case Qualified(Part type, String words) -> packSize(type);
            case Pointer(Part to, String sign) -> packSize(to);
            case MemberPointer(Part owner, Part type) -> packSize(List.of(owner, type));
            case Array(Part type, Part length) -> packSize(List.of(type, length));
            case Function(Part result, List<Part> parameters, String words) ->
                Math.max(packSize(result), packSize(parameters));
            case Encoding(Part name, Function type) -> packSize(List.of(name, type));
            case Around(String before, Part inner, String after) -> packSize(inner);
            case Binary(Part first, String operator, Part second) -> packSize(List.of(first, second));
            case Unary(String operator, Part inner) -> packSize(inner);
            case Operand(Part inner) -> packSize(inner);
            case Row(List<Part> parts) -> packSize(parts);
            case Commas(List<Part> parts) -> packSize(parts);
            case Lambda lambda -> packSize(lambda.parameters());
            case Text text -> -1;
            case Pack pack -> -1;
            case Size size -> -1;
            case Expansion expansion -> -1;
        };
    }

    private int packSize(List<Part> parts) {
        for (Part part : parts) {
            int size = packSize(part);
            if (size >= 0) {
                return size;
            }
        }
        return -1;
    }

    private void operand(Part part) {
        boolean name = switch (resolved(part)) {
            case Nested nested -> true;
            case Text(String text) -> !text.isEmpty() && !Character.isDigit(text.charAt(0)) && text.charAt(0) != '-';
            case Around around ->
                around.before().startsWith("{") || around.before().endsWith("{");
            default -> false;
        };
        out.append(name ? "" : "(");
        whole(part);
        out.append(name ? "" : ")");
    }

    private boolean endsIn(char letter) {
        return !out.isEmpty() && out.charAt(out.length() - 1) == letter;
    }
}
