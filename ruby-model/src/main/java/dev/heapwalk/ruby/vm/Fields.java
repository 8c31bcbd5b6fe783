// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.object.ImemoType;
import dev.heapwalk.ruby.table.StEntries;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The fields of objects that the interpreter and the core library keep for themselves, by their names in C. For one
 * thread.
 */
public final class Fields {
    private record Place(String name, Field.Kind kind, int offset, int bytes) {}

    private static final int LONGEST_NAME = 256;

    private final Interpreter interpreter;
    private final ObjectReader reader;
    private final RubyLayout layout;
    private final StEntries entries;
    private final Map<String, List<Place>> dataPlaces;

    /**
     * Makes one.
     *
     * @param interpreter what reads the interpreter's structures, for the same thread
     */
    public Fields(Interpreter interpreter) {
        this.interpreter = interpreter;
        this.reader = interpreter.reader();
        this.layout = RubyLayout.of(reader.series());
        this.entries = new StEntries(reader);
        this.dataPlaces = Map.of(
                "enumerator",
                        List.of(
                                value("obj", 0),
                                id("meth", 8),
                                value("args", 16),
                                value("fib", 24),
                                value("dst", 32),
                                value("lookahead", 40),
                                value("feedvalue", 48),
                                value("stop_exc", 56),
                                value("size", 64),
                                value("procs", 72)),
                "generator", List.of(value("proc", 0), value("obj", 8)),
                "yielder", List.of(value("proc", 0)),
                "producer", List.of(value("init", 0), value("proc", 8)),
                "proc_entry", List.of(value("proc", 0), value("memo", 8)),
                "chain", List.of(value("enums", 0), number("pos", 8, 8)),
                "product", List.of(value("enums", 0)));
    }

    /**
     * The fields of an object: an imemo of any type, or data of the types {@code enumerator}, {@code generator}, {@code
     * yielder}, {@code producer}, {@code proc_entry}, {@code chain} and {@code product}.
     *
     * @param address target address of a slot
     * @return a new list, empty for any other object
     * @throws UnmappedAddressException if they can't be read
     */
    public List<Field> of(long address) {
        if (interpreter.is(address, RubyType.IMEMO)) {
            return read(address, imemo(reader.imemoType(reader.word(address))));
        }
        String type = interpreter.dataTypeOf(address);
        List<Place> places = type == null ? null : dataPlaces.get(type);
        long data = places == null ? 0 : interpreter.data(address, type);
        return data == 0 ? List.of() : read(data, places);
    }

    private List<Field> read(long base, List<Place> places) {
        List<Field> found = new ArrayList<>(places.size());
        for (Place place : places) {
            long at = base + place.offset();
            found.add(new Field(place.name(), place.kind(), place.bytes() == 4 ? reader.half(at) : reader.word(at)));
        }
        return found;
    }

    private List<Place> imemo(ImemoType type) {
        boolean newest = layout.since(4, 0);
        return switch (type) {
            case ENV -> List.of(value("iseq", 8), address("ep", 16), address("env", 24), number("env_size", 32, 4));
            case CREF ->
                List.of(
                        value("refinements", 8),
                        value(layout.since(3, 1) ? "klass_or_self" : "klass", 16),
                        value("next", 24));
            case SVAR ->
                List.of(value("cref_or_me", 8), value("lastline", 16), value("backref", 24), value("others", 32));
            case THROW_DATA ->
                List.of(value("throw_obj", 16), address("catch_frame", 24), number("throw_state", 32, 4));
            case IFUNC -> List.of(address("func", 16), value("data", 24), number("min", 32, 4), number("max", 36, 4));
            case MEMO -> List.of(value("v1", 16), value("v2", 24), value("u3", 32));
            case MENT ->
                List.of(value("defined_class", 8), address("def", 16), id("called_id", 24), value("owner", 32));
            case ISEQ -> List.of(value("wrapper", 8), address("body", 16));
            case TMPBUF ->
                newest
                        ? List.of(address("ptr", 8), number("cnt", 16, 8))
                        : List.of(address("ptr", 16), value("next", 24), number("cnt", 32, 8));
            case CVAR_ENTRY ->
                List.of(
                        number("index", 8, 4),
                        number("global_cvar_state", 16, 8),
                        value("cref", 24),
                        value("class_value", 32));
            case CALLINFO -> List.of(address("kwarg", 8), id("mid", 16), number("flag", 24, 8), number("argc", 32, 8));
            case CALLCACHE ->
                List.of(value("klass", 8), value("cme_", 16), address("call_", 24), number("aux_", 32, 8));
            case CONSTCACHE -> List.of(value("value", 8), value("ic_cref", newest ? 16 : 32));
            case AST, PARSER_STRTERM, FIELDS, UNKNOWN -> List.of();
        };
    }

    /**
     * The pairs in an {@code ObjectSpace::WeakMap} or {@code WeakKeyMap}. They may refer to objects that are gone.
     *
     * @param address target address of a slot
     * @return keys and values in turn, a new list; null if it is no such object
     * @throws UnmappedAddressException if they can't be read
     */
    public List<Long> weakPairs(long address) {
        long keyMap = interpreter.data(address, "weakkeymap");
        long map = keyMap == 0 ? interpreter.data(address, "weakmap") : keyMap;
        if (map == 0) {
            return null;
        }
        // Since 3.3 the table leads from the address of a key to that of a value; a WeakKeyMap has the value itself.
        // Before, the second table leads from keys to values.
        boolean indirect = layout.since(3, 3);
        List<Long> pairs = new ArrayList<>();
        entries.over(reader.word(map + (indirect ? 0 : 8)));
        while (entries.next()) {
            long key = entries.key();
            long value = entries.record();
            pairs.add(indirect ? reader.word(key) : key);
            pairs.add(indirect && keyMap == 0 ? reader.word(value) : value);
        }
        return pairs;
    }

    /**
     * The name of an Encoding.
     *
     * @param address target address of a slot
     * @return for example {@code UTF-8}; null if it is no Encoding
     * @throws UnmappedAddressException if it can't be read
     */
    public String encoding(long address) {
        long data = interpreter.data(address, "encoding");
        // OnigEncodingType: precise_mbc_enc_len, name.
        return data == 0 ? null : reader.cString(reader.word(data + 8), LONGEST_NAME);
    }

    private static Place value(String name, int offset) {
        return new Place(name, Field.Kind.VALUE, offset, 8);
    }

    private static Place id(String name, int offset) {
        return new Place(name, Field.Kind.ID, offset, 8);
    }

    private static Place address(String name, int offset) {
        return new Place(name, Field.Kind.ADDRESS, offset, 8);
    }

    private static Place number(String name, int offset, int bytes) {
        return new Place(name, Field.Kind.NUMBER, offset, bytes);
    }
}
