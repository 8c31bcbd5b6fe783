// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cpp.name;

import dev.heapwalk.cpp.name.Part.Around;
import dev.heapwalk.cpp.name.Part.Array;
import dev.heapwalk.cpp.name.Part.Encoding;
import dev.heapwalk.cpp.name.Part.Expansion;
import dev.heapwalk.cpp.name.Part.Function;
import dev.heapwalk.cpp.name.Part.Lambda;
import dev.heapwalk.cpp.name.Part.Local;
import dev.heapwalk.cpp.name.Part.MemberPointer;
import dev.heapwalk.cpp.name.Part.Nested;
import dev.heapwalk.cpp.name.Part.Pack;
import dev.heapwalk.cpp.name.Part.Parameter;
import dev.heapwalk.cpp.name.Part.Pointer;
import dev.heapwalk.cpp.name.Part.Qualified;
import dev.heapwalk.cpp.name.Part.Template;
import dev.heapwalk.cpp.name.Part.Text;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Reads the grammar of types, and of the functions that local types lie in. */
final class Parser {
    private static final int DEEPEST = 256;
    private static final int MOST_PARTS = 1 << 14;

    private static final Map<Character, String> BUILTINS = Map.ofEntries(
            Map.entry('v', "void"),
            Map.entry('w', "wchar_t"),
            Map.entry('b', "bool"),
            Map.entry('c', "char"),
            Map.entry('a', "signed char"),
            Map.entry('h', "unsigned char"),
            Map.entry('s', "short"),
            Map.entry('t', "unsigned short"),
            Map.entry('i', "int"),
            Map.entry('j', "unsigned int"),
            Map.entry('l', "long"),
            Map.entry('m', "unsigned long"),
            Map.entry('x', "long long"),
            Map.entry('y', "unsigned long long"),
            Map.entry('n', "__int128"),
            Map.entry('o', "unsigned __int128"),
            Map.entry('f', "float"),
            Map.entry('d', "double"),
            Map.entry('e', "long double"),
            Map.entry('g', "__float128"),
            Map.entry('z', "..."));

    private static final Map<Character, String> LONGER_BUILTINS = Map.of(
            'd', "decimal64",
            'e', "decimal128",
            'f', "decimal32",
            'h', "half",
            'i', "char32_t",
            's', "char16_t",
            'u', "char8_t",
            'a', "auto",
            'c', "decltype(auto)",
            'n', "decltype(nullptr)");

    private static final Text CHAR = new Text("char");
    private static final Part TRAITS = new Template(ofStd("char_traits"), List.of(CHAR));
    private static final Part ALLOCATOR = new Template(ofStd("allocator"), List.of(CHAR));

    /** What single letters stand for. */
    private static final Map<Character, Part> STANDARD = Map.of(
            'a',
            ofStd("allocator"),
            'b',
            ofStd("basic_string"),
            's',
            new Template(ofStd("basic_string"), List.of(CHAR, TRAITS, ALLOCATOR)),
            'i',
            new Template(ofStd("basic_istream"), List.of(CHAR, TRAITS)),
            'o',
            new Template(ofStd("basic_ostream"), List.of(CHAR, TRAITS)),
            'd',
            new Template(ofStd("basic_iostream"), List.of(CHAR, TRAITS)));

    private final String name;
    private int at;
    private int depth;
    private final List<Part> substitutions = new ArrayList<>();
    /** What the parameters of the function's template stand for. */
    private List<Part> parameters = List.of();

    private boolean inLambda;

    private final Expressions expressions = new Expressions(this);

    private Parser(String name) {
        this.name = name;
    }

    /** Reads a type that is all of a name. */
    static Part type(String name) {
        Parser parser = new Parser(name);
        Part type = parser.type();
        if (parser.at < name.length()) {
            throw new MalformedNameException();
        }
        return type;
    }

    char peek() {
        return peek(0);
    }

    char peek(int further) {
        return at + further < name.length() ? name.charAt(at + further) : 0;
    }

    char take() {
        char letter = peek();
        at++;
        return letter;
    }

    int place() {
        return at;
    }

    /** Goes back to a place, from which on nothing was remembered. */
    void back(int place) {
        at = place;
    }

    void skip(int letters) {
        at += letters;
    }

    boolean takes(String word) {
        if (name.startsWith(word, at)) {
            at += word.length();
            return true;
        }
        return false;
    }

    void expect(char letter) {
        if (take() != letter) {
            throw new MalformedNameException();
        }
    }

    private void enter() {
        if (++depth > DEEPEST) {
            throw new MalformedNameException();
        }
    }

    private Part remember(Part part) {
        if (substitutions.size() >= MOST_PARTS) {
            throw new MalformedNameException();
        }
        substitutions.add(part);
        return part;
    }

    /** A decimal number, empty where there is none. */
    String digits() {
        int start = at;
        while (Character.isDigit(peek())) {
            at++;
        }
        return name.substring(start, Math.min(at, name.length()));
    }

    private int number() {
        String digits = digits();
        if (digits.isEmpty() || digits.length() > 8) {
            throw new MalformedNameException();
        }
        return Integer.parseInt(digits);
    }

    /** A number and an underscore, counted from 0, which is left away. */
    int index() {
        int index = peek() == '_' ? 0 : number() + 1;
        expect('_');
        return index;
    }

    Part type() {
        enter();
        Part type = anyType();
        depth--;
        return type;
    }

    private Part anyType() {
        char first = peek();
        String builtin = BUILTINS.get(first);
        if (builtin != null) {
            at++;
            return new Text(builtin);
        }
        switch (first) {
            case 'r', 'V', 'K' -> {
                String words = qualifiers();
                Part type = isFunction() ? function(words) : new Qualified(type(), words);
                return remember(type);
            }
            case 'P' -> {
                return pointer("*");
            }
            case 'R' -> {
                return pointer("&");
            }
            case 'O' -> {
                return pointer("&&");
            }
            case 'C' -> {
                at++;
                return remember(new Qualified(type(), " _Complex"));
            }
            case 'G' -> {
                at++;
                return remember(new Qualified(type(), " _Imaginary"));
            }
            case 'F' -> {
                return remember(function(""));
            }
            case 'A' -> {
                return remember(array());
            }
            case 'M' -> {
                at++;
                Part owner = type();
                return remember(new MemberPointer(owner, type()));
            }
            case 'T' -> {
                Part parameter = remember(parameter());
                return peek() == 'I' ? remember(new Template(parameter, arguments(false))) : parameter;
            }
            case 'D' -> {
                return longType();
            }
            case 'S' -> {
                if (peek(1) != 't') {
                    Part known = substitution();
                    return peek() == 'I' ? remember(new Template(known, arguments(false))) : known;
                }
                return remember(name(false));
            }
            case 'u' -> {
                at++;
                return remember(new Text(source()));
            }
            case 'U' -> {
                at++;
                String word = source();
                Part type = peek() == 'I' ? new Template(new Text(word), arguments(false)) : new Text(word);
                return remember(new Qualified(type(), " " + Printer.print(type)));
            }
            default -> {
                return remember(name(false));
            }
        }
    }

    private Part pointer(String sign) {
        at++;
        return remember(new Pointer(type(), sign));
    }

    private Part longType() {
        char second = peek(1);
        switch (second) {
            case 'p' -> {
                at += 2;
                return remember(new Expansion(type()));
            }
            case 't', 'T' -> {
                return remember(decltype());
            }
            case 'o', 'O', 'w', 'x' -> {
                return remember(function(""));
            }
            case 'v' -> {
                at += 2;
                Part size = peek() == '_' ? expressionAfterUnderscore() : new Text(digits());
                expect('_');
                return remember(new Around("", type(), " __vector(" + Printer.print(size) + ")"));
            }
            case 'F' -> {
                at += 2;
                String bits = digits();
                return new Text(
                        switch (take()) {
                            case 'x' -> "_Float" + bits + "x";
                            case 'b' -> "std::bfloat" + bits + "_t";
                            default -> "_Float" + bits;
                        });
            }
            default -> {
                String builtin = LONGER_BUILTINS.get(second);
                if (builtin == null) {
                    throw new MalformedNameException();
                }
                at += 2;
                return new Text(builtin);
            }
        }
    }

    private Part expressionAfterUnderscore() {
        at++;
        return expressions.expression();
    }

    private Part decltype() {
        at += 2;
        Part expression = expressions.expression();
        expect('E');
        return new Around("decltype (", expression, ")");
    }

    private String qualifiers() {
        boolean restrict = takes("r");
        boolean isVolatile = takes("V");
        boolean isConst = takes("K");
        return (isConst ? " const" : "") + (isVolatile ? " volatile" : "") + (restrict ? " __restrict" : "");
    }

    private boolean isFunction() {
        return peek() == 'F' || peek() == 'D' && "oOwx".indexOf(peek(1)) >= 0;
    }

    private Function function(String qualifiers) {
        String words = qualifiers;
        String thrown = "";
        if (takes("Do")) {
            thrown = " noexcept";
        } else if (takes("DO")) {
            thrown = " noexcept(" + Printer.print(expressions.expression()) + ")";
            expect('E');
        } else if (takes("Dw")) {
            List<Part> types = new ArrayList<>();
            while (!takes("E")) {
                types.add(type());
            }
            thrown = " throw(" + Printer.print(new Part.Commas(types)) + ")";
        }
        if (takes("Dx")) {
            words = " transaction_safe" + words;
        }
        expect('F');
        takes("Y");
        Part result = type();
        List<Part> all = signature();
        if (takes("R")) {
            words += " &";
        } else if (takes("O")) {
            words += " &&";
        }
        expect('E');
        return new Function(result, all, words + thrown);
    }

    /** The types of parameters, up to what ends them. */
    private List<Part> signature() {
        List<Part> all = new ArrayList<>();
        while (peek() != 0 && peek() != 'E' && peek() != '.' && !isReference()) {
            all.add(type());
        }
        return all;
    }

    /** Whether a sign of a member function's reference comes, and no type. */
    private boolean isReference() {
        return (peek() == 'R' || peek() == 'O') && peek(1) == 'E';
    }

    private Part array() {
        at++;
        Part length = Character.isDigit(peek())
                ? new Text(digits())
                : peek() == '_' ? Part.NOTHING : expressions.expression();
        expect('_');
        return new Array(type(), length);
    }

    Part parameter() {
        expect('T');
        if (peek() == 'L') {
            throw new MalformedNameException();
        }
        int index = index();
        if (inLambda) {
            return new Text("auto:" + (index + 1));
        }
        if (index >= parameters.size()) {
            throw new MalformedNameException();
        }
        Part value = parameters.get(index);
        return value instanceof Parameter ? value : new Parameter(value);
    }

    private Part substitution() {
        expect('S');
        if (peek() == '_' || Character.isDigit(peek()) || Character.isUpperCase(peek())) {
            int index = 0;
            if (peek() != '_') {
                while (peek() != '_') {
                    int digit = Character.digit(take(), 36);
                    if (digit < 0 || index > MOST_PARTS) {
                        throw new MalformedNameException();
                    }
                    index = index * 36 + digit;
                }
                index++;
            }
            at++;
            if (index >= substitutions.size()) {
                throw new MalformedNameException();
            }
            return substitutions.get(index);
        }
        char letter = take();
        Part standard = STANDARD.get(letter);
        if (standard == null) {
            throw new MalformedNameException();
        }
        return peek() == 'B' ? remember(tagged(standard)) : standard;
    }

    private static Part ofStd(String name) {
        return new Nested(new Text("std"), new Text(name));
    }

    /** A name of something. */
    Part name(boolean ofFunction) {
        enter();
        Part found = switch (peek()) {
            case 'N' -> nested(ofFunction);
            case 'Z' -> local();
            default -> plain(ofFunction);
        };
        depth--;
        return found;
    }

    private Part plain(boolean ofFunction) {
        Part found;
        if (peek() == 'S' && peek(1) != 't') {
            found = substitution();
            if (peek() != 'I') {
                throw new MalformedNameException();
            }
            return new Template(found, arguments(ofFunction));
        }
        found = takes("St") ? new Nested(new Text("std"), unqualified(Part.NOTHING)) : unqualified(Part.NOTHING);
        if (peek() == 'I') {
            remember(found);
            return new Template(found, arguments(ofFunction));
        }
        return found;
    }

    /** The words that stand behind the parameters of a member function, of the last nested name that was read. */
    private String memberWords = "";

    private Part nested(boolean ofFunction) {
        expect('N');
        takes("H");
        String words = qualifiers();
        if (takes("R")) {
            words += " &";
        } else if (takes("O")) {
            words += " &&";
        }
        Part found = Part.NOTHING;
        boolean remembered = false;
        while (!takes("E")) {
            remembered = true;
            char first = peek();
            if (first == 'S') {
                if (takes("St")) {
                    found = new Text("std");
                } else {
                    found = substitution();
                }
                remembered = false;
                continue;
            }
            if (first == 'T') {
                found = remember(parameter());
            } else if (first == 'I') {
                found = remember(new Template(found, arguments(ofFunction)));
            } else if (first == 'D' && (peek(1) == 't' || peek(1) == 'T')) {
                found = remember(decltype());
            } else if (first == 'M') {
                at++;
                remembered = false;
            } else {
                Part member = unqualified(found);
                found = remember(found == Part.NOTHING ? member : new Nested(found, member));
            }
        }
        if (found == Part.NOTHING) {
            throw new MalformedNameException();
        }
        if (remembered) {
            // The whole is remembered by who knows what it is the name of.
            substitutions.removeLast();
        }
        memberWords = words;
        return found;
    }

    private Part unqualified(Part scope) {
        takes("F");
        Part found;
        char first = peek();
        if (first == 'L' && (Character.isDigit(peek(1)) || peek(1) == 'U')) {
            at++;
            first = peek();
        }
        if (Character.isDigit(first)) {
            found = new Text(source());
        } else if (first == 'U' && peek(1) == 'l') {
            found = lambda();
        } else if (takes("Ut")) {
            found = new Text("{unnamed type#" + (index() + 1) + "}");
        } else if (first == 'C' && (Character.isDigit(peek(1)) || peek(1) == 'I')) {
            boolean inherits = peek(1) == 'I';
            at += inherits ? 3 : 2;
            if (inherits) {
                type();
            }
            found = new Text(lastWord(scope));
        } else if (first == 'D' && Character.isDigit(peek(1))) {
            at += 2;
            found = new Text("~" + lastWord(scope));
        } else if (takes("DC")) {
            List<Part> all = new ArrayList<>();
            do {
                all.add(new Text(source()));
            } while (!takes("E"));
            found = new Around("[", new Part.Commas(all), "]");
        } else if (Character.isLowerCase(first)) {
            found = expressions.operatorName();
        } else {
            throw new MalformedNameException();
        }
        return tagged(found);
    }

    private Part tagged(Part part) {
        Part found = part;
        while (peek() == 'B') {
            at++;
            found = new Around("", found, "[abi:" + source() + "]");
        }
        return found;
    }

    /** What a constructor is named by. */
    private static String lastWord(Part part) {
        return switch (part) {
            case Nested(Part scope, Part member) -> lastWord(member);
            case Template(Part name, List<Part> arguments) -> lastWord(name);
            case Around(String before, Part inner, String after) -> lastWord(inner);
            case Text(String text) -> text;
            default -> Printer.print(part);
        };
    }

    String source() {
        int length = number();
        if (length == 0 || length > name.length() - at) {
            throw new MalformedNameException();
        }
        String word = name.substring(at, at + length);
        at += length;
        return word.length() > 9
                        && word.startsWith("_GLOBAL_")
                        && "._$".indexOf(word.charAt(8)) >= 0
                        && word.charAt(9) == 'N'
                ? "(anonymous namespace)"
                : word;
    }

    private Part lambda() {
        at += 2;
        boolean outer = inLambda;
        inLambda = true;
        List<Part> all = signature();
        inLambda = outer;
        expect('E');
        return new Lambda(all, index() + 1);
    }

    private Part local() {
        expect('Z');
        Part function = encoding();
        expect('E');
        if (takes("s")) {
            discriminator();
            return new Local(function, new Text("string literal"));
        }
        if (takes("d")) {
            int index = index();
            Part argument = new Text("{default arg#" + (index + 1) + "}");
            return new Local(function, new Nested(argument, name(false)));
        }
        Part member = name(false);
        discriminator();
        return new Local(function, member);
    }

    private void discriminator() {
        if (peek() == '_' && peek(1) == '_' && Character.isDigit(peek(2))) {
            at += 2;
            digits();
            takes("_");
        } else if (peek() == '_' && Character.isDigit(peek(1))) {
            at += 2;
        }
    }

    /** A function, or a variable, by its name and what follows it. */
    Part encoding() {
        enter();
        List<Part> outer = parameters;
        boolean outerLambda = inLambda;
        parameters = List.of();
        inLambda = false;
        memberWords = "";
        Part found = peek() == 'Z' ? local() : name(true);
        String words = memberWords;
        memberWords = "";
        if (peek() != 'E' && peek() != 0 && peek() != '.') {
            Part result = returnsToldType(found) ? type() : Part.NOTHING;
            found = new Encoding(found, new Function(result, signature(), words));
        }
        parameters = outer;
        inLambda = outerLambda;
        depth--;
        return found;
    }

    /** Whether the type of what a function returns is part of its name: of instances of templates alone. */
    private static boolean returnsToldType(Part function) {
        return switch (function) {
            case Local(Part outer, Part member) -> returnsToldType(member);
            case Template(Part name, List<Part> arguments) -> !isConstructorOrConversion(name);
            default -> false;
        };
    }

    private static boolean isConstructorOrConversion(Part part) {
        return switch (part) {
            case Nested(Part scope, Part member) ->
                isConstructorOrConversion(member)
                        || member instanceof Text(String text)
                                && (text.startsWith("~") || scope != Part.NOTHING && text.equals(lastWord(scope)));
            case Around(String before, Part inner, String after) ->
                before.equals("operator ") || isConstructorOrConversion(inner);
            default -> false;
        };
    }

    /** Arguments of a template; those of the function itself are what its parameters stand for. */
    List<Part> arguments(boolean ofFunction) {
        expect('I');
        List<Part> all = new ArrayList<>();
        if (ofFunction) {
            // One may refer to those before it.
            parameters = all;
        }
        while (!takes("E")) {
            all.add(argument());
        }
        return List.copyOf(all);
    }

    private Part argument() {
        switch (peek()) {
            case 'L' -> {
                return expressions.literal();
            }
            case 'X' -> {
                at++;
                Part expression = expressions.expression();
                expect('E');
                return expression;
            }
            case 'I', 'J' -> {
                at++;
                List<Part> all = new ArrayList<>();
                while (!takes("E")) {
                    all.add(argument());
                }
                return new Pack(all);
            }
            default -> {
                return type();
            }
        }
    }
}
