// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.gc;

import dev.heapwalk.heap.Label;
import dev.heapwalk.heap.dump.Disclosure;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.elf.ElfSymbol;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.object.PyBytes;
import dev.heapwalk.python.object.PyCode;
import dev.heapwalk.python.object.PyUnicode;
import dev.heapwalk.python.object.ShortRepr;

/**
 * The name of a reference. Who walks keeps numbers in it; the text is made of them when it is asked for, by a reader of
 * its own, so that the views of who walks stay where they are.
 */
final class EdgeLabel implements Label {
    /** What a name is made of. */
    enum Form {
        /** The text. */
        TEXT,
        /** The text, and a number in brackets. */
        ELEMENT,
        /** The value of a dictionary: the key, an object, in brackets. */
        VALUE,
        /** The key of a dictionary or an element of a set: the object itself in braces. */
        KEY,
        /** An attribute; the number is the address of its name, an object. */
        ATTRIBUTE,
        /** A slot; the number is the address of its name, a C string. */
        SLOT,
        /** A word whose meaning is guessed; the number is how far it is from the object. */
        GUESSED,
        /** A local variable, or a value on the stack; the number is its place, the owner is the code. */
        LOCAL,
        /** A text, an object; the number is its address. */
        NAME,
        /** The text, and the name of some code; the number is its address. */
        OF_CODE,
        /** The name of a type; the number is its address. */
        TYPE,
        /** The text, and how far the word is from the beginning of what it names. */
        WORD,
        /** A variable of C code; the number is its address. */
        VARIABLE
    }

    /** The name of the reference to the dictionary of an instance. */
    static final String DICT = "__dict__";

    /** Longer names are cut. */
    private static final int LONGEST = 512;

    private final PythonRuntime runtime;
    private final Disclosure told;
    private Form form = Form.TEXT;
    private String text = "";
    private long number;
    private long owner;
    /** Null until a name is asked for. */
    private ObjectReader reader;

    private PyUnicode unicode;
    private PyBytes bytes;
    private ShortRepr values;
    private PyCode code;

    EdgeLabel(PythonRuntime runtime, Disclosure told) {
        this.runtime = runtime;
        this.told = told;
    }

    void text(String now) {
        form = Form.TEXT;
        text = now;
    }

    void set(Form now, String with) {
        form = now;
        text = with;
    }

    void set(Form now, long with) {
        form = now;
        number = with;
    }

    void number(long now) {
        number = now;
    }

    /** Gives what is named so to who asks for attributes; other references are none. */
    void attribute(long value, AttributeSink to) {
        switch (form) {
            case ATTRIBUTE -> to.attribute(number, value);
            case SLOT -> to.slot(number, value);
            case TEXT -> {
                if (text.equals(DICT)) {
                    to.dictionary(value);
                }
            }
            default -> {}
        }
    }

    /** Variables of a frame that runs some code. */
    void locals(long code) {
        form = Form.LOCAL;
        owner = code;
    }

    @Override
    public void appendTo(StringBuilder to) {
        switch (form) {
            case TEXT -> to.append(text);
            case ELEMENT -> to.append(text).append('[').append(number).append(']');
            case VALUE -> to.append('[').append(key()).append(']');
            case KEY -> to.append('{').append(key()).append('}');
            case ATTRIBUTE -> name(to.append('.'), number);
            case SLOT -> to.append('.').append(reader().memory().readCString(number, LONGEST, "?"));
            case GUESSED -> to.append("+0x").append(Long.toHexString(number)).append(" (guessed)");
            case LOCAL -> local(to);
            case NAME -> name(to, number);
            case OF_CODE -> {
                to.append(text);
                if (reader().find(number, code)) {
                    name(to.append(" of "), code.name());
                }
            }
            case TYPE -> to.append(reader().typeNames().of(number));
            case WORD -> to.append(text).append("+0x").append(Long.toHexString(number));
            case VARIABLE -> variable(to);
        }
    }

    private void local(StringBuilder to) {
        if (!reader().find(owner, code)) {
            to.append("local [").append(number).append(']');
            return;
        }
        if (number < code.variables()) {
            name(to.append("local "), code.variableName((int) number));
        } else {
            to.append("stack [").append(number - code.variables()).append(']');
        }
        name(to.append(" of "), code.name());
    }

    /** The symbol of a variable of C code if it has one, and its file. */
    private void variable(StringBuilder to) {
        ElfModule module = runtime.target().moduleAt(number).orElse(null);
        if (module == null) {
            to.append("variable 0x").append(Long.toHexString(number));
            return;
        }
        ElfSymbol symbol = module.symbolAt(number).orElse(null);
        if (symbol != null) {
            to.append(symbol.name());
            offset(to, number - symbol.address());
            to.append(" in ");
        }
        String path = module.path();
        to.append(path, path.lastIndexOf('/') + 1, path.length());
        if (symbol == null) {
            offset(to, number - module.bias());
        }
    }

    private static void offset(StringBuilder to, long offset) {
        if (offset != 0) {
            to.append("+0x").append(Long.toHexString(offset));
        }
    }

    private ObjectReader reader() {
        if (reader == null) {
            reader = runtime.reader();
            unicode = new PyUnicode(reader);
            bytes = new PyBytes(reader);
            values = new ShortRepr(reader, told);
            code = new PyCode(reader);
        }
        return reader;
    }

    private String key() {
        reader();
        return values.of(number);
    }

    private void name(StringBuilder to, long name) {
        ObjectReader from = reader();
        if (from.find(name, unicode)) {
            cut(to, unicode.text(LONGEST), unicode.length());
        } else if (from.find(name, bytes)) {
            cut(to, bytes.text(LONGEST), bytes.size());
        } else {
            to.append('?');
        }
    }

    private static StringBuilder cut(StringBuilder to, String part, long length) {
        to.append(part);
        return length > LONGEST ? to.append('…') : to;
    }

    /** Frees the buffers of the reader. */
    void close() {
        if (reader != null) {
            reader.close();
        }
    }
}
