// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.heap.dump.Disclosure;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.gc.Roots;
import dev.heapwalk.ruby.name.StringDecoder;
import dev.heapwalk.ruby.object.RSymbol;
import dev.heapwalk.ruby.object.SpecialConstants;
import dev.heapwalk.ruby.vm.Block;
import dev.heapwalk.ruby.vm.Interpreter;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Tells in a few words what a value is. */
final class ValueText {
    private static final int LONGEST = 60;
    /** So much of a digest is shown: enough to see what is equal. */
    private static final int DIGITS = 16;

    private final Interpreter interpreter;
    private final ObjectReader reader;
    private final StringDecoder decoder;
    private final Disclosure told;

    ValueText(Interpreter interpreter, Disclosure told) {
        this.told = told;
        this.interpreter = interpreter;
        this.reader = interpreter.reader();
        this.decoder = new StringDecoder(reader);
    }

    /** As below; a block that was not made a Proc so far is shown as where it is. */
    String of(long value, Optional<Block> block) {
        return block.isPresent() ? of(block.get()) : of(value);
    }

    private String of(Block block) {
        if (block.kind() == Block.Kind.IFUNC) {
            return "(block in C)";
        }
        try {
            return interpreter
                    .iseq(block.code())
                    .map(code -> "(block at %s:%d)".formatted(code.path().orElse("?"), code.firstLine()))
                    .orElse("(block)");
        } catch (UnmappedAddressException e) {
            return "(block)";
        }
    }

    /** A value as {@code inspect} shows it if that is short, else its class and address. */
    String of(long value) {
        if (SpecialConstants.isFixnum(value)) {
            return Long.toString(value >> 1);
        }
        if (SpecialConstants.isFlonum(value)) {
            return Double.toString(SpecialConstants.flonum(value));
        }
        if (SpecialConstants.isStaticSymbol(value)) {
            return ":" + reader.symbols().of(value >>> 8).orElse("?");
        }
        if (value == 0) {
            return "false";
        }
        if (value == reader.constants().nil()) {
            return "nil";
        }
        if (value == SpecialConstants.TRUE) {
            return "true";
        }
        if (value == reader.constants().undef()) {
            return "(undefined)";
        }
        return reader.isSlot(value) ? object(value) : "0x%x (no object)".formatted(value);
    }

    private String object(long address) {
        try {
            RValue found = reader.at(address);
            RubyType type = found.type();
            return switch (type) {
                case STRING -> string(address);
                case FLOAT -> Double.toString(Double.longBitsToDouble(found.readLong(16)));
                case SYMBOL -> {
                    RSymbol symbol = reader.at(address, new RSymbol(reader));
                    long held = symbol.name();
                    if (told.redacts() && !symbol.numbered()) {
                        yield redacted(address, held);
                    }
                    Optional<String> name = text(held);
                    yield name.isPresent() ? ":" + name.get() : plain(address, reader.at(address));
                }
                case CLASS, MODULE -> {
                    Optional<String> name = reader.classNames().of(address);
                    yield name.isPresent() ? name.get() : plain(address, found);
                }
                default -> plain(address, found);
            };
        } catch (UnmappedAddressException e) {
            return "0x%x (can't be read)".formatted(address);
        }
    }

    /** A part of a String, as the String itself is shown. */
    String of(Roots.Part part) {
        long length = part.end() - part.begin();
        try {
            if (!reader.isString(part.string()) || part.begin() < 0 || length < 0) {
                return "?";
            }
            if (told.redacts()) {
                return redacted(part, length);
            }
            int encoding = reader.encodings().indexOf(reader.stringAt(part.string()));
            long bytes = reader.stringAt(part.string()).bytes() + part.begin();
            byte[] content = new byte[(int) Math.min(length, 4 * LONGEST)];
            reader.vm().target().memory().readFully(bytes, MemorySegment.ofArray(content));
            return decoder.text(content, encoding, content.length < length)
                    .map(text -> quoted(text, length))
                    .orElseGet(() -> "%,d bytes".formatted(length));
        } catch (UnmappedAddressException e) {
            return "(can't be read)";
        }
    }

    private String redacted(Roots.Part part, long length) {
        long bytes = reader.stringAt(part.string()).bytes() + part.begin();
        return "(%,d bytes%s)".formatted(length, digits(told.digest(reader.memory(), bytes, length)));
    }

    private static String digits(Optional<String> digest) {
        return digest.map(whole -> ", hmac_sha256 " + whole.substring(0, DIGITS))
                .orElse("");
    }

    private Optional<String> text(long address) {
        return reader.isString(address) ? decoder.text(reader.stringAt(address), 4 * LONGEST) : Optional.empty();
    }

    /** A text of the program's that is no object, such as the name of a thread. */
    String ofText(String text) {
        return told.redacts()
                ? "(%,d bytes%s)"
                        .formatted(text.getBytes(StandardCharsets.UTF_8).length, digits(Optional.of(told.digest(text))))
                : '"' + text + '"';
    }

    /** An object whose text is that of a String, and is not to be told. */
    private String redacted(long address, long string) {
        String plain = plain(address, reader.at(address));
        if (!reader.isString(string)) {
            return plain;
        }
        long length = reader.stringAt(string).length();
        Optional<String> digest =
                told.digest(reader.memory(), reader.stringAt(string).bytes(), length);
        return plain.substring(0, plain.length() - 1) + " of %,d bytes%s>".formatted(length, digits(digest));
    }

    private String string(long address) {
        if (told.redacts()) {
            return redacted(address, address);
        }
        Optional<String> whole = text(address);
        if (whole.isEmpty()) {
            return plain(address, reader.at(address));
        }
        return quoted(whole.get(), reader.stringAt(address).length());
    }

    private static String quoted(String text, long bytes) {
        if (text.codePointCount(0, text.length()) <= LONGEST) {
            return '"' + text + '"';
        }
        return '"' + text.substring(0, text.offsetByCodePoints(0, LONGEST)) + "…\" (%,d bytes)".formatted(bytes);
    }

    private String plain(long address, RValue found) {
        return switch (found.type()) {
            case IMEMO, NODE, NONE, MOVED, ZOMBIE, UNKNOWN ->
                "#<%s 0x%x>".formatted(found.type().label(), address);
            default -> {
                RubyType type = found.type();
                Optional<String> name =
                        reader.classNames().of(reader.classNames().realClass(found.klass()));
                yield "#<%s 0x%x>".formatted(name.orElse(type.label()), address);
            }
        };
    }
}
