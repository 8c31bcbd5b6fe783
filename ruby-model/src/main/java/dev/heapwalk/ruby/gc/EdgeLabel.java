// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

import dev.heapwalk.heap.Label;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.elf.ElfSymbol;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.layout.ContextLayout;
import dev.heapwalk.ruby.layout.EnvFlags;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.object.SpecialConstants;
import dev.heapwalk.ruby.vm.Interpreter;
import dev.heapwalk.ruby.vm.Iseq;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * The name of a reference. Who marks keeps numbers in it; the text is made of them when it is asked for, by a reader of
 * its own, so that the views of who marks stay where they are.
 */
final class EdgeLabel implements Label {
    /** What a name is made of. */
    enum Form {
        /** The text. */
        TEXT,
        /** The text, and a number in brackets. */
        ELEMENT,
        /** The key of a table: the text, and {@code {key}}. */
        KEY,
        /** The value of a table: the text and the key, a {@code VALUE}, in braces. */
        ENTRY,
        /** The same; the number is a pointer to the key. */
        ENTRY_OF_POINTER,
        /** An instance variable; the number is its place in a shape, the owner. */
        IVAR_OF_SHAPE,
        /** An instance variable; the number is its place in objects of a class, the owner. */
        IVAR_OF_CLASS,
        /** An instance variable; the number is the ID of its name. */
        IVAR,
        /** A member; the number is its place in Structs of a class, the owner. */
        MEMBER,
        /** A method; the number is the serial number of its name. */
        METHOD,
        /** A constant (0), or the file that it was defined in; the owner is the serial number of its name. */
        CONSTANT,
        /** A class variable; the number is the serial number of its name. */
        CLASS_VARIABLE,
        /** A value of an environment of some code, the owner; the number less the base is its place from {@code ep}. */
        LOCAL,
        /** A value on the stack of a context, the owner; it begins at the base. */
        STACK,
        /** The text, and the name of some code, the owner. */
        OF_CODE,
        /** The text and an object; the number is its address. */
        OBJECT,
        /** A global variable; the number is the serial number of its name. */
        GLOBAL,
        /** A variable of a fiber, {@code Thread#[]}; the number is the serial number of its name. */
        FIBER_LOCAL,
        /** The same; the number is the ID of its name. */
        FIBER_LOCAL_BY_ID,
        /** A variable of C code; the number is its address. */
        VARIABLE
    }

    private static final Form[] FORMS = Form.values();
    private static final int TEXT = Form.TEXT.ordinal();

    /** Longer keys of a Hash are cut. */
    private static final int LONGEST_KEY = 40;

    private static final int WORD = Long.BYTES;
    /** Between the local variables and {@code ep}: the method, and the block or the level around. */
    private static final int BEFORE_EP = 2;

    private static final int MOST_FRAMES = 1 << 17;

    private final RubyVm vm;
    /** The number of a form: to store a number is cheaper than to store a reference. */
    private int form;

    private String text = "";
    private long owner;
    private long base;
    private long number;
    /** Null until a name is asked for. */
    private ObjectReader reader;
    /** Null until the name of some code is asked for. */
    private Interpreter interpreter;

    EdgeLabel(RubyVm vm) {
        this.vm = vm;
    }

    void set(String text) {
        this.form = TEXT;
        this.text = text;
    }

    void set(Form form, String text, long owner, long base) {
        this.form = form.ordinal();
        this.text = text;
        this.owner = owner;
        this.base = base;
    }

    void form(Form now) {
        form = now.ordinal();
    }

    void number(long now) {
        number = now;
    }

    @Override
    public void appendTo(StringBuilder to) {
        if (form == TEXT) {
            to.append(text);
            return;
        }
        int length = to.length();
        try {
            if (reader == null) {
                reader = vm.reader();
            }
            append(to);
        } catch (UnmappedAddressException e) {
            // What tells the name is damaged or gone.
            to.setLength(length);
        }
    }

    private void append(StringBuilder to) {
        switch (FORMS[form]) {
            case TEXT -> to.append(text);
            case ELEMENT -> element(to, text);
            case KEY -> to.append(text).append("{key}");
            case ENTRY -> key(to.append(text), number);
            case ENTRY_OF_POINTER -> key(to.append(text), reader.memory().readLong(number));
            case IVAR_OF_SHAPE -> ivar(to, reader.shapes().namesOf((int) owner));
            case IVAR_OF_CLASS -> ivar(to, reader.classNames().ivarNames(owner));
            case IVAR -> name(to, reader.symbols().bytesOf(number));
            case MEMBER -> {
                Optional<byte[]> name = reader.structMembers().name(owner, (int) number);
                if (name.isEmpty()) {
                    element(to, text);
                } else {
                    name(to, name);
                }
            }
            case METHOD -> name(to.append('#'), reader.symbols().bytesOfSerial((int) number));
            case CONSTANT -> {
                to.append(number == 0 ? "::" : "file of ::");
                name(to, reader.symbols().bytesOfSerial((int) owner));
            }
            case CLASS_VARIABLE, GLOBAL -> name(to, reader.symbols().bytesOfSerial((int) number));
            case LOCAL -> local(to, code(owner), number - base);
            case STACK -> stack(to);
            case OF_CODE -> ofCode(to.append(text), code(owner));
            case FIBER_LOCAL -> fiberLocal(to, reader.symbols().bytesOfSerial((int) number));
            case FIBER_LOCAL_BY_ID -> fiberLocal(to, reader.symbols().bytesOf(number));
            case OBJECT -> to.append(text).append("0x").append(Long.toHexString(number));
            case VARIABLE -> variable(to);
        }
    }

    private void element(StringBuilder to, String before) {
        to.append(before).append('[').append(number).append(']');
    }

    private void ivar(StringBuilder to, long[] names) {
        if (number < names.length && names[(int) number] != 0) {
            name(to, reader.symbols().bytesOf(names[(int) number]));
        }
    }

    private static void name(StringBuilder to, Optional<byte[]> name) {
        if (name.isPresent()) {
            to.append(new String(name.get(), StandardCharsets.UTF_8));
        }
    }

    private static void fiberLocal(StringBuilder to, Optional<byte[]> name) {
        name(to.append("[:"), name);
        to.append(']');
    }

    private void key(StringBuilder to, long key) {
        to.append('{');
        if (SpecialConstants.isFixnum(key)) {
            to.append(key >> 1);
        } else if (key == reader.constants().nil()) {
            to.append("nil");
        } else if (key == SpecialConstants.TRUE) {
            to.append("true");
        } else if (key == 0) {
            to.append("false");
        } else {
            object(to, key);
        }
        to.append('}');
    }

    /** A Symbol or String as in Ruby; anything else has no short text. */
    private void object(StringBuilder to, long key) {
        Optional<byte[]> symbol = reader.symbols().bytesOfSymbol(key);
        if (symbol.isPresent()) {
            cut(to.append(':'), symbol.get());
            return;
        }
        Optional<byte[]> string = reader.isSlot(key) ? reader.symbols().bytesOfString(key) : Optional.empty();
        if (string.isPresent()) {
            cut(to.append('"'), string.get());
            to.append('"');
        } else {
            to.append("value");
        }
    }

    private static void cut(StringBuilder to, byte[] bytes) {
        String key = new String(bytes, StandardCharsets.UTF_8);
        if (key.length() <= LONGEST_KEY) {
            to.append(key);
        } else {
            int end = Character.isHighSurrogate(key.charAt(LONGEST_KEY - 1)) ? LONGEST_KEY - 1 : LONGEST_KEY;
            to.append(key, 0, end).append('…');
        }
    }

    private Optional<Iseq> code(long iseq) {
        if (interpreter == null) {
            interpreter = new Interpreter(reader);
        }
        return reader.isSlot(iseq) ? interpreter.iseq(iseq) : Optional.empty();
    }

    private static void ofCode(StringBuilder to, Optional<Iseq> code) {
        code.flatMap(Iseq::label).ifPresent(label -> to.append(" of ").append(label));
    }

    /** The name of what lies some words from {@code ep}, which only a local variable has a name of its own for. */
    private static void local(StringBuilder to, Optional<Iseq> code, long fromEp) {
        int locals = code.isEmpty() ? 0 : code.get().localCount();
        long index = fromEp + BEFORE_EP + locals;
        if (index >= 0 && index < locals) {
            Optional<String> name = code.get().localName((int) index);
            to.append("local ").append(name.orElse("[" + index + "]"));
        } else if (fromEp == EnvFlags.METHOD / WORD) {
            to.append("method");
        } else if (fromEp == EnvFlags.SPECIAL / WORD) {
            to.append("block");
        } else if (fromEp == EnvFlags.OBJECT / WORD) {
            to.append("env");
        } else {
            to.append('[').append(index).append(']');
        }
        ofCode(to, code);
    }

    /** The local variable of the frame that has a place on the stack, or the number of the place. */
    private void stack(StringBuilder to) {
        Reader memory = reader.memory();
        ContextLayout context = RubyLayout.of(reader.series()).context();
        long place = base + number * WORD;
        long frame = memory.readLong(owner + ContextLayout.CFP);
        long limit = base + memory.readLong(owner + ContextLayout.VM_STACK_SIZE) * WORD;
        // Frames lie behind the values, the innermost first.
        for (int left = MOST_FRAMES; frame > place && frame < limit && left > 0; left--) {
            long ep = memory.readLong(frame + ContextLayout.FRAME_EP);
            long fromEp = (place - ep) / WORD;
            if (place < ep && fromEp >= -BEFORE_EP - Short.MAX_VALUE) {
                Optional<Iseq> code = code(memory.readLong(frame + ContextLayout.FRAME_ISEQ));
                if (code.isPresent() && fromEp >= -BEFORE_EP - code.get().localCount()) {
                    local(to, code, fromEp);
                    return;
                }
            }
            frame += context.frameSize();
        }
        element(to, text);
    }

    /** The symbol of a variable of C code if it has one, and its file. */
    private void variable(StringBuilder to) {
        ElfModule module = vm.target().moduleAt(number).orElse(null);
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
        to.append(
                module.path(), module.path().lastIndexOf('/') + 1, module.path().length());
        if (symbol == null) {
            offset(to, number - module.bias());
        }
    }

    private static void offset(StringBuilder to, long offset) {
        if (offset != 0) {
            to.append("+0x").append(Long.toHexString(offset));
        }
    }

    /** Frees the buffers of the reader. */
    void close() {
        if (reader != null) {
            reader.memory().close();
        }
    }
}
