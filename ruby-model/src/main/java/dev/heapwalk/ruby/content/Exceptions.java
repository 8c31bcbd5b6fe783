// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.content;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.name.StringDecoder;
import dev.heapwalk.ruby.object.IvarCursor;
import dev.heapwalk.ruby.object.SpecialConstants;
import dev.heapwalk.ruby.vm.Interpreter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/** Reads what an exception holds: hidden instance variables of its object. For one thread. */
public final class Exceptions {
    private static final byte[] MESSAGE = name("mesg");
    private static final byte[] BACKTRACE = name("bt");
    private static final byte[] CAUSE = name("cause");
    /** What an {@code UncaughtThrowError} has thrown. */
    private static final byte[] TAG = name("tag");

    private static final String INSPECTED = "%p";
    /** A longer message is cut, in bytes. */
    private static final int LONGEST = 1 << 14;

    private final ObjectReader reader;
    private final Reader memory;
    private final Interpreter interpreter;
    private final IvarCursor ivars;
    private final StringDecoder decoder;
    private final NameErrors nameErrors;

    private long klass;
    private long message;
    private long backtrace;
    private long cause;
    private long tag;

    /**
     * Makes one that is at no exception yet.
     *
     * @param interpreter what reads the interpreter's structures, for the same thread
     */
    public Exceptions(Interpreter interpreter) {
        this.interpreter = interpreter;
        this.reader = interpreter.reader();
        this.memory = reader.memory();
        this.ivars = new IvarCursor(reader);
        this.decoder = new StringDecoder(reader);
        this.nameErrors = new NameErrors(reader);
    }

    private static byte[] name(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /**
     * Goes to an exception.
     *
     * @param address target address of an object whose class descends from {@code Exception}
     * @param objectClass {@code RBasic.klass} of it
     * @return this
     * @throws dev.heapwalk.memory.UnmappedAddressException if it can't be read
     */
    public Exceptions over(long address, long objectClass) {
        long nil = reader.constants().nil();
        klass = objectClass;
        message = nil;
        backtrace = nil;
        cause = nil;
        tag = 0;
        ivars.over(address);
        while (ivars.next()) {
            Optional<byte[]> name = ivars.name();
            if (name.isEmpty()) {
                continue;
            }
            if (Arrays.equals(name.get(), MESSAGE)) {
                message = ivars.value();
            } else if (Arrays.equals(name.get(), BACKTRACE)) {
                backtrace = ivars.value();
            } else if (Arrays.equals(name.get(), TAG)) {
                tag = ivars.value();
            } else if (Arrays.equals(name.get(), CAUSE)) {
                cause = ivars.value();
            }
        }
        return this;
    }

    /**
     * What {@code Exception#message} gives, as long as the program has not defined that otherwise.
     *
     * @return its text; empty where it has to be made by a method of the program, such as {@code inspect} of the object
     *     that a method was missing in
     * @throws dev.heapwalk.memory.UnmappedAddressException if it can't be read
     */
    public Optional<String> message() {
        if (message == reader.constants().nil()) {
            return reader.classNames().of(reader.classNames().realClass(klass));
        }
        if (SpecialConstants.isFixnum(message)) {
            return Optional.of(Long.toString(message >> 1));
        }
        Optional<String> symbol = reader.symbols().ofSymbol(message);
        if (symbol.isPresent()) {
            return symbol;
        }
        if (message == SpecialConstants.TRUE || message == 0) {
            return Optional.of(message == 0 ? "false" : "true");
        }
        if (reader.isString(message)) {
            Optional<String> text = decoder.text(reader.stringAt(message), LONGEST);
            return tag == 0 ? text : text.flatMap(this::thrown);
        }
        long nameError = interpreter.data(message, "name_err_mesg");
        return nameError == 0 ? Optional.empty() : nameErrors.message(nameError);
    }

    /** The message of an {@code UncaughtThrowError}, with what was thrown, if that is a Symbol or number. */
    private Optional<String> thrown(String format) {
        if (!format.contains(INSPECTED)) {
            return Optional.of(format);
        }
        Optional<String> inspected =
                SpecialConstants.isFixnum(tag) ? Optional.of(Long.toString(tag >> 1)) : nameErrors.symbol(tag);
        return inspected.map(text -> format.replace(INSPECTED, text));
    }

    /**
     * The backtrace: an object that Ruby makes into text when it is asked for, or an Array of Strings or of such
     * locations where a program has set it.
     *
     * @return a {@code VALUE}, nil for an exception that was not raised
     */
    public long backtrace() {
        return backtrace;
    }

    /**
     * The exception that was being handled when this one was raised.
     *
     * @return a {@code VALUE}, nil for none
     */
    public long cause() {
        return cause;
    }

    /**
     * A line of a backtrace that a program has set.
     *
     * @param value an element of the Array
     * @return its text; empty if it is neither a String nor a location
     * @throws dev.heapwalk.memory.UnmappedAddressException if it can't be read
     */
    public Optional<String> line(long value) {
        if (!reader.isSlot(value)) {
            return Optional.empty();
        }
        return RubyType.of(memory.readLong(value)) == RubyType.STRING
                ? decoder.text(reader.stringAt(value), LONGEST)
                : interpreter.backtraces().location(value);
    }
}
