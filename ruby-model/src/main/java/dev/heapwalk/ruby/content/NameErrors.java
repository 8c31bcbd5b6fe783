// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.content;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.layout.CoreLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.name.StringDecoder;
import dev.heapwalk.ruby.object.RClass;
import dev.heapwalk.ruby.object.SpecialConstants;
import dev.heapwalk.ruby.vm.field.MachineFields;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Puts the message of a {@code NameError} together, as Ruby does it when it is asked for. C name {@code
 * name_err_mesg_to_str}. Until 3.2 it has what {@code inspect} gives for the receiver, which is known of few objects.
 */
final class NameErrors {
    private static final int LONGEST = 1 << 12;
    private static final Pattern DIRECTIVE = Pattern.compile("%(?:(\\d)\\$)?([s%])");
    private static final int PARTS = 4;
    private static final Pattern PLAIN = Pattern.compile("[A-Za-z_]\\w*[?!=]?");

    private final ObjectReader reader;
    private final Reader memory;
    private final StringDecoder decoder;
    private final RClass module;
    private final boolean plain;

    NameErrors(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.decoder = new StringDecoder(reader);
        this.module = new RClass(reader);
        this.plain = RubyLayout.of(reader.series()).core().plainReceivers();
    }

    /** The message; empty where a part of it is not known. */
    Optional<String> message(long data) {
        long format = memory.readLong(data + CoreLayout.NAME_ERROR_FORMAT);
        long receiver = memory.readLong(data + CoreLayout.NAME_ERROR_RECEIVER);
        long name = memory.readLong(data + CoreLayout.NAME_ERROR_NAME);
        Optional<String> text = string(format);
        if (text.isEmpty()) {
            return Optional.empty();
        }
        // The name, the receiver, what stands before its class, and the class.
        String[] parts = new String[PARTS];
        parts[0] = name(name).orElse(null);
        if (plain) {
            plain(receiver, parts);
        } else {
            inspected(receiver, parts);
        }
        return filled(text.get(), parts);
    }

    private Optional<String> filled(String format, String[] parts) {
        StringBuilder filled = new StringBuilder();
        Matcher directive = DIRECTIVE.matcher(format);
        int next = 0;
        while (directive.find()) {
            if (directive.group(2).equals("%")) {
                directive.appendReplacement(filled, "%");
                continue;
            }
            int part = directive.group(1) == null ? next++ : Integer.parseInt(directive.group(1)) - 1;
            if (part < 0 || part >= PARTS || parts[part] == null) {
                return Optional.empty();
            }
            directive.appendReplacement(filled, Matcher.quoteReplacement(parts[part]));
        }
        return Optional.of(directive.appendTail(filled).toString());
    }

    private void plain(long receiver, String[] parts) {
        parts[2] = "";
        String constant = constant(receiver);
        if (constant != null) {
            parts[1] = constant;
            parts[3] = constant;
            return;
        }
        boolean held = reader.isSlot(receiver);
        if (held && reader.at(receiver, module).type() == RubyType.MODULE) {
            parts[2] = "module ";
            parts[1] = moduleName(receiver);
            parts[3] = parts[1];
        } else if (held && module.type() == RubyType.CLASS) {
            parts[2] = "class ";
            parts[1] = moduleName(receiver);
            parts[3] = parts[1];
        } else if (held && isSingleton(module.klass())) {
            parts[3] = receiver == topSelf() ? "main" : "#<%s:0x%016x>".formatted(className(receiver), receiver);
        } else {
            parts[2] = "an instance of ";
            parts[3] = className(receiver);
        }
    }

    private void inspected(long receiver, String[] parts) {
        String constant = constant(receiver);
        if (constant != null) {
            parts[1] = constant;
        } else if (SpecialConstants.isFixnum(receiver)) {
            parts[1] = Long.toString(receiver >> 1);
        } else if (SpecialConstants.isStaticSymbol(receiver)) {
            parts[1] = symbol(receiver).orElse(null);
        } else if (reader.isSlot(receiver)) {
            RubyType type = reader.at(receiver, module).type();
            parts[1] = type == RubyType.CLASS || type == RubyType.MODULE
                    ? moduleName(receiver)
                    : receiver == topSelf() ? "main" : null;
        }
        parts[2] = ":";
        parts[3] = className(receiver);
    }

    /** What {@code inspect} gives for a Symbol, unless it needs quotes; empty if it is none. */
    Optional<String> symbol(long value) {
        return reader.symbols()
                .ofSymbol(value)
                .filter(name -> PLAIN.matcher(name).matches())
                .map(":"::concat);
    }

    private String constant(long value) {
        return value == reader.constants().nil()
                ? "nil"
                : value == SpecialConstants.TRUE ? "true" : value == 0 ? "false" : null;
    }

    private boolean isSingleton(long klass) {
        return reader.isSlot(klass) && reader.at(klass, module).type() == RubyType.CLASS && module.singleton();
    }

    private long topSelf() {
        return new MachineFields(reader).value("top_self");
    }

    private String moduleName(long address) {
        return reader.classNames().of(address).orElse(null);
    }

    /** The name of the class of any value; null if it has none. */
    private String className(long value) {
        if (reader.isSlot(value)) {
            long klass = reader.at(value).klass();
            return moduleName(reader.classNames().realClass(klass));
        }
        return SpecialConstants.isFixnum(value)
                ? "Integer"
                : SpecialConstants.isFlonum(value)
                        ? "Float"
                        : SpecialConstants.isStaticSymbol(value)
                                ? "Symbol"
                                : value == reader.constants().nil()
                                        ? "NilClass"
                                        : value == SpecialConstants.TRUE
                                                ? "TrueClass"
                                                : value == 0 ? "FalseClass" : null;
    }

    private Optional<String> name(long value) {
        return reader.symbols().ofSymbol(value).or(() -> string(value));
    }

    private Optional<String> string(long value) {
        return reader.isString(value) ? decoder.text(reader.stringAt(value), LONGEST) : Optional.empty();
    }
}
