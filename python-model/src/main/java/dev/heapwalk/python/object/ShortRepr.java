// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.heap.dump.Disclosure;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.TypeLayout;
import java.math.BigInteger;
import java.util.Optional;

/**
 * Tells in a few words what an object is, as {@code repr} does it, of what lies in memory alone: numbers and short texts
 * whole, of containers the first items, and of all else the type and the address. It follows no reference more often
 * than a few hundred times, whatever the target holds. For one thread.
 *
 * <p>What it tells may hold any character of the target's texts that Python's {@code repr} shows as it is.
 */
public final class ShortRepr {
    /** A container begins no further item behind so many characters. */
    private static final int LONGEST = 100;
    /** How many containers within each other are shown. */
    private static final int DEEPEST = 4;
    /** How many items of each are shown at most. */
    private static final int MOST_ITEMS = 8;
    /** How many digits of 30 bits a number may have to be shown. */
    private static final int MOST_DIGITS = 32;

    private static final int LONGEST_NAME = 1 << 10;
    /** So much of a digest is shown: enough to see what is equal. */
    private static final int DIGEST_DIGITS = 16;

    private final ObjectReader reader;
    private final Disclosure told;
    private final boolean bytesAreText;
    private final PyUnicode unicode;
    private final PyBytes bytes;
    private final PyLong number;
    private final PyFloat real;
    private final PyByteArray byteArray;
    private final PyTypeObject type;
    private final PyFunction function;
    private final PyCode code;
    private final PyModule module;
    private final PyGen generator;
    private final PyMethod method;
    private final PyWeakref weakref;
    private final PyCell cell;

    /**
     * Makes one that tells all.
     *
     * @param reader what reads the objects
     */
    public ShortRepr(ObjectReader reader) {
        this(reader, Disclosure.WHOLE);
    }

    /**
     * Makes one.
     *
     * @param reader what reads the objects
     * @param told what is told: if it redacts, lengths and digests stand in place of texts, and large numbers are not
     *     shown
     */
    public ShortRepr(ObjectReader reader, Disclosure told) {
        this.reader = reader;
        this.told = told;
        this.bytesAreText = PyBytes.isText(reader.series());
        this.unicode = new PyUnicode(reader);
        this.bytes = new PyBytes(reader);
        this.number = new PyLong(reader);
        this.real = new PyFloat(reader);
        this.byteArray = new PyByteArray(reader);
        this.type = new PyTypeObject(reader);
        this.function = new PyFunction(reader);
        this.code = new PyCode(reader);
        this.module = new PyModule(reader);
        this.generator = new PyGen(reader);
        this.method = new PyMethod(reader);
        this.weakref = new PyWeakref(reader);
        this.cell = new PyCell(reader);
    }

    /**
     * Tells what an object is.
     *
     * @param address a target address, or anything
     * @return a text of some hundred characters at most
     */
    public String of(long address) {
        StringBuilder out = new StringBuilder();
        append(address, DEEPEST, out);
        return out.toString();
    }

    /**
     * Tells a text that is a value of the program, such as the name of a thread.
     *
     * @param text the text
     * @return the text in quotation marks; if texts are redacted, its length and a digest
     */
    public String ofText(String text) {
        return told.redacts()
                ? "<str of %,d characters, %s>"
                        .formatted(text.codePointCount(0, text.length()), digits(told.digest(text)))
                : Literals.quoted("", text, text.codePointCount(0, text.length()), false);
    }

    /**
     * A text that is a value of the program, for what is no text for people.
     *
     * @param text the text
     * @return the text itself; if texts are redacted, the beginning of its digest
     */
    public String secret(String text) {
        return told.redacts() ? digits(told.digest(text)) : text;
    }

    private void append(long address, int depth, StringBuilder out) {
        long kind = reader.typeAt(address);
        if (kind == 0) {
            out.append("<no object at 0x%x>".formatted(address));
            return;
        }
        long flags = reader.flags(kind);
        if ((flags & TypeLayout.HEAPTYPE) == 0) {
            ofBuiltin(address, kind, flags, depth, out);
        } else {
            ofProgram(address, kind, flags, depth, out);
        }
    }

    private void ofBuiltin(long address, long kind, long flags, int depth, StringBuilder out) {
        if (reader.find(address, unicode)) {
            text(bytesAreText ? "u" : "", out);
        } else if (reader.find(address, bytes)) {
            bytes(bytesAreText ? "" : "b", out);
        } else if (reader.find(address, number)) {
            number(reader.typeNames().of(kind).qualname(), out);
        } else if ((flags & TypeLayout.TUPLE_SUBCLASS) != 0) {
            tuple(address, reader.typeNames().of(kind).qualname().equals("tuple") ? "" : name(kind), depth, out);
        } else if ((flags & TypeLayout.LIST_SUBCLASS) != 0) {
            list(address, depth, out);
        } else if ((flags & TypeLayout.DICT_SUBCLASS) != 0) {
            String name = reader.typeNames().of(kind).qualname();
            wrapped(name.equals("dict") ? "" : name, () -> dict(address, depth, out), out);
        } else if ((flags & TypeLayout.TYPE_SUBCLASS) != 0) {
            type(address, out);
        } else {
            ofName(address, kind, reader.typeNames().of(kind).qualname(), depth, out);
        }
    }

    private void ofName(long address, long kind, String name, int depth, StringBuilder out) {
        switch (name) {
            case "NoneType" -> out.append("None");
            case "ellipsis" -> out.append("Ellipsis");
            case "NotImplementedType" -> out.append("NotImplemented");
            case "float" -> out.append(reader.find(address, real) ? Literals.real(real.value()) : "float");
            case "set" -> set(address, bytesAreText ? "set" : "", depth, out);
            case "frozenset" -> set(address, "frozenset", depth, out);
            case "bytearray" -> {
                if (reader.find(address, byteArray)) {
                    wrapped("bytearray", () -> byteArray(out), out);
                }
            }
            case "function" ->
                named(
                        "function",
                        address,
                        reader.find(address, function)
                                ? function.qualname() == 0 ? function.name() : function.qualname()
                                : 0,
                        out);
            case "generator", "coroutine", "async_generator" ->
                named(name + " object", address, reader.find(address, generator) ? generator.qualname() : 0, out);
            case "code" -> code(address, out);
            case "module" -> module(address, out);
            case "method", "instancemethod" -> method(address, depth, out);
            case "weakref" -> {
                long referent = reader.find(address, weakref) ? weakref.object() : 0;
                long of = referent == 0 ? 0 : reader.typeAt(referent);
                out.append("<weakref at 0x%x; ".formatted(address))
                        .append(
                                of == 0 || reader.typeNames().of(of).qualname().equals("NoneType")
                                        ? "dead>"
                                        : "to '%s' at 0x%x>"
                                                .formatted(
                                                        reader.typeNames()
                                                                .of(of)
                                                                .qualname(),
                                                        referent));
            }
            case "cell" -> {
                out.append("<cell at 0x%x: ".formatted(address));
                long content = reader.find(address, cell) ? cell.ref() : 0;
                long of = content == 0 ? 0 : reader.typeAt(content);
                out.append(
                        of == 0
                                ? "empty>"
                                : "%s object at 0x%x>"
                                        .formatted(reader.typeNames().of(of).qualname(), content));
            }
            default -> plain(address, kind, out);
        }
    }

    /** An object of a type that a program made: a value of the built-in type that it is derived from, or nothing. */
    private void ofProgram(long address, long kind, long flags, int depth, StringBuilder out) {
        String name = name(kind);
        if ((flags & TypeLayout.TYPE_SUBCLASS) != 0) {
            type(address, out);
        } else if (reader.find(address, unicode)) {
            wrapped(name, () -> text("", out), out);
        } else if (reader.find(address, bytes)) {
            wrapped(name, () -> bytes(bytesAreText ? "" : "b", out), out);
        } else if (reader.find(address, number)) {
            wrapped(name, () -> number("int", out), out);
        } else if ((flags & TypeLayout.TUPLE_SUBCLASS) != 0) {
            tuple(address, name, depth, out);
        } else if ((flags & TypeLayout.LIST_SUBCLASS) != 0) {
            wrapped(name, () -> list(address, depth, out), out);
        } else if ((flags & TypeLayout.DICT_SUBCLASS) != 0) {
            wrapped(name, () -> dict(address, depth, out), out);
        } else {
            plain(address, kind, out);
        }
    }

    private void type(long address, StringBuilder out) {
        boolean old = bytesAreText && (reader.flags(address) & TypeLayout.HEAPTYPE) == 0;
        out.append(old ? "<type '" : "<class '").append(name(address)).append("'>");
    }

    private String name(long kind) {
        TypeName name = reader.typeNames().of(kind);
        return name.module().equals("builtins") || name.module().equals("__builtin__")
                ? name.qualname()
                : name.toString();
    }

    private void plain(long address, long kind, StringBuilder out) {
        out.append("<%s at 0x%x>".formatted(name(kind), address));
    }

    private static void wrapped(String name, Runnable inner, StringBuilder out) {
        if (name.isEmpty()) {
            inner.run();
            return;
        }
        out.append(name).append('(');
        inner.run();
        out.append(')');
    }

    private void named(String what, long address, long name, StringBuilder out) {
        out.append("<%s %s at 0x%x>".formatted(what, nameText(name), address));
    }

    /** The text of a name, which is always told. */
    private String nameText(long address) {
        if (reader.find(address, unicode)) {
            return unicode.text(LONGEST_NAME);
        }
        return reader.find(address, bytes) ? bytes.text(LONGEST_NAME) : "?";
    }

    private void code(long address, StringBuilder out) {
        if (!reader.find(address, code)) {
            out.append("<code at 0x%x>".formatted(address));
            return;
        }
        String name = nameText(code.name());
        out.append("<code object %s at 0x%x, file \"%s\", line %d>"
                .formatted(name, address, nameText(code.filename()), code.firstLine()));
    }

    private void module(long address, StringBuilder out) {
        PyDict names = new PyDict(reader);
        long name = reader.find(address, module) && reader.find(module.dict(), names) ? names.get("__name__") : 0;
        out.append("<module '").append(nameText(name)).append("'>");
    }

    private void method(long address, int depth, StringBuilder out) {
        if (!reader.find(address, method)) {
            out.append("<method at 0x%x>".formatted(address));
            return;
        }
        long self = method.self();
        long name = reader.find(method.func(), function)
                ? function.qualname() == 0 ? function.name() : function.qualname()
                : 0;
        out.append("<bound method ").append(nameText(name)).append(" of ");
        if (depth > 1) {
            append(self, 1, out);
        } else {
            out.append("0x%x".formatted(self));
        }
        out.append('>');
    }

    private void number(String kind, StringBuilder out) {
        long digits = number.digits();
        Optional<BigInteger> value = number.value(told.redacts() ? 2 : MOST_DIGITS);
        if (value.isEmpty()) {
            out.append("<%s of %,d bits>".formatted(kind, digits * 30));
        } else if (kind.equals("bool")) {
            out.append(value.get().signum() == 0 ? "False" : "True");
        } else {
            out.append(value.get()).append(bytesAreText && kind.equals("long") ? "L" : "");
        }
    }

    private void text(String prefix, StringBuilder out) {
        long length = unicode.length();
        if (told.redacts()) {
            out.append("<%s of %,d characters%s>"
                    .formatted(
                            prefix.isEmpty() ? "str" : "unicode",
                            length,
                            digest(unicode.data(), length * unicode.kind())));
            return;
        }
        out.append(Literals.quoted(prefix, unicode.text(Literals.LONGEST_TEXT + 1), length, bytesAreText));
    }

    private void bytes(String prefix, StringBuilder out) {
        long length = bytes.size();
        if (told.redacts()) {
            out.append("<%s of %,d bytes%s>"
                    .formatted(prefix.isEmpty() ? "str" : "bytes", length, digest(bytes.data(), length)));
            return;
        }
        out.append(Literals.quoted(prefix, bytes.value(Literals.LONGEST_TEXT + 1), length));
    }

    private void byteArray(StringBuilder out) {
        long length = byteArray.size();
        if (told.redacts()) {
            out.append("%,d bytes%s".formatted(length, digest(byteArray.data(), length)));
            return;
        }
        out.append(Literals.quoted("b", byteArray.value(Literals.LONGEST_TEXT + 1), length));
    }

    private String digest(long data, long length) {
        try {
            return told.digest(reader.memory(), data, length)
                    .map(whole -> ", " + digits(whole))
                    .orElse("");
        } catch (UnmappedAddressException e) {
            return "";
        }
    }

    private static String digits(String digest) {
        return "hmac_sha256 " + digest.substring(0, DIGEST_DIGITS);
    }

    private void tuple(long address, String name, int depth, StringBuilder out) {
        PyTuple items = new PyTuple(reader);
        if (!reader.find(address, items)) {
            return;
        }
        long size = items.size();
        out.append(name).append('(');
        items(size, depth, items::item, out);
        out.append(size == 1 && name.isEmpty() ? "," : "").append(')');
    }

    private void list(long address, int depth, StringBuilder out) {
        PyList items = new PyList(reader);
        if (!reader.find(address, items)) {
            return;
        }
        out.append('[');
        items(items.size(), depth, items::item, out);
        out.append(']');
    }

    private interface Items {
        long at(long index);
    }

    private void items(long size, int depth, Items items, StringBuilder out) {
        for (long i = 0; i < size; i++) {
            out.append(i == 0 ? "" : ", ");
            if (isFull(i, depth, out)) {
                more(size - i, out);
                return;
            }
            append(items.at(i), depth - 1, out);
        }
    }

    private static boolean isFull(long shown, int depth, StringBuilder out) {
        return depth <= 1 || shown == MOST_ITEMS || out.length() > LONGEST;
    }

    private static void more(long count, StringBuilder out) {
        out.append("… %,d more".formatted(count));
    }

    private void dict(long address, int depth, StringBuilder out) {
        PyDict entries = new PyDict(reader);
        if (!reader.find(address, entries)) {
            return;
        }
        out.append('{');
        long shown = 0;
        while (entries.next()) {
            out.append(shown == 0 ? "" : ", ");
            if (isFull(shown, depth, out)) {
                more(entries.used() - shown, out);
                break;
            }
            append(entries.key(), depth - 1, out);
            out.append(": ");
            append(entries.value(), depth - 1, out);
            shown++;
        }
        out.append('}');
    }

    private void set(long address, String name, int depth, StringBuilder out) {
        PySet keys = new PySet(reader);
        if (!reader.find(address, keys)) {
            return;
        }
        if (keys.used() == 0) {
            out.append(name.isEmpty() ? "set" : name).append(bytesAreText ? "([])" : "()");
            return;
        }
        boolean list = bytesAreText;
        wrapped(
                name,
                () -> {
                    out.append(list ? "[" : "{");
                    long shown = 0;
                    while (keys.next()) {
                        out.append(shown == 0 ? "" : ", ");
                        if (isFull(shown, depth, out)) {
                            more(keys.used() - shown, out);
                            break;
                        }
                        append(keys.key(), depth - 1, out);
                        shown++;
                    }
                    out.append(list ? "]" : "}");
                },
                out);
    }
}
