// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.layout.ClassLayout;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/** The names of classes and modules, kept once made out. For one thread. */
public final class ClassNames {
    private static final byte[] NONE = {};

    private final ObjectReader reader;
    private final RValue view;
    private final StEntries ivars;
    private final Map<Long, byte[]> names = new HashMap<>();

    ClassNames(ObjectReader reader) {
        this.reader = reader;
        this.view = new RValue(reader);
        this.ivars = new StEntries(reader);
    }

    /**
     * The full name of a class or module, as {@code Module#name} gives it.
     *
     * @param klass target address of a class or module
     * @return its bytes as UTF-8, not to be changed; null if it has no name
     */
    public byte[] bytesOf(long klass) {
        byte[] name = names.computeIfAbsent(klass, this::read);
        return name == NONE ? null : name;
    }

    /**
     * The full name of a class or module.
     *
     * @param klass target address of a class or module
     * @return its name, null if it has none
     */
    public String of(long klass) {
        byte[] name = bytesOf(klass);
        return name == null ? null : new String(name, StandardCharsets.UTF_8);
    }

    private byte[] read(long klass) {
        try {
            RValue found = reader.at(klass, view);
            if (found == null || found.type() != RubyType.CLASS && found.type() != RubyType.MODULE) {
                return NONE;
            }
            ClassLayout layout = reader.layout().classes();
            long extension = layout.extensionInline() ? klass + layout.extension() : found.word(layout.extension());
            long path = layout.classpath() >= 0
                    ? reader.word(extension + layout.classpath())
                    : ivar(reader.word(extension + layout.ivars()));
            byte[] name = path == 0 ? null : reader.symbols().bytesOfString(path);
            return name == null ? NONE : name;
        } catch (UnmappedAddressException e) {
            return NONE;
        }
    }

    private long ivar(long table) {
        if (reader.layout().since(3, 2)) {
            return 0;
        }
        SymbolNames symbols = reader.symbols();
        ivars.over(table);
        long temporary = 0;
        while (ivars.next()) {
            if (symbols.is(ivars.key(), "__classpath__")) {
                return ivars.record();
            }
            if (symbols.is(ivars.key(), "__tmp_classpath__")) {
                temporary = ivars.record();
            }
        }
        return temporary;
    }
}
