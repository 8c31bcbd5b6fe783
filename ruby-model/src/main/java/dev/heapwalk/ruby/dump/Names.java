// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.name.SymbolNames;
import dev.heapwalk.text.JsonLines;
import java.util.Optional;

/** Writes the names of IDs as {@code dump_append_id} does. */
final class Names {
    private static final byte[] INTERNAL = JsonLines.ascii("\"ID_INTERNAL(");
    private static final byte[] INTERNAL_END = JsonLines.ascii(")\"");

    private final SymbolNames symbols;
    private final boolean ivarsOnly;

    Names(ObjectReader reader) {
        this.symbols = reader.symbols();
        this.ivarsOnly = !ObjectSpaceFormat.of(reader.series()).everyName();
    }

    void write(JsonLines json, long id) {
        Optional<byte[]> name = symbols.bytesOf(id);
        if (name.isEmpty() || ivarsOnly && !isInstance(name.get())) {
            json.raw(INTERNAL);
            json.decimal(symbols.serial(id));
            json.raw(INTERNAL_END);
        } else {
            json.string(name.get());
        }
    }

    private static boolean isInstance(byte[] name) {
        return name.length > 1 && name[0] == '@' && name[1] != '@';
    }
}
