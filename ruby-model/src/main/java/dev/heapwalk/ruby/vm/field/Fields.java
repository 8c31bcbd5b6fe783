// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm.field;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.layout.CoreLayout;
import dev.heapwalk.ruby.layout.DataLayout;
import dev.heapwalk.ruby.layout.ImemoLayout;
import dev.heapwalk.ruby.layout.IseqLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.object.ImemoType;
import dev.heapwalk.ruby.table.StEntries;
import dev.heapwalk.ruby.vm.Interpreter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The fields of objects that the interpreter and the core library keep for themselves, by their names in C. For one
 * thread.
 */
public final class Fields {
    private record Place(String name, Field.Kind kind, int offset, int bytes) {}

    private static final int LONGEST_NAME = 256;

    private final Interpreter interpreter;
    private final ObjectReader reader;
    private final Reader memory;
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
        this.memory = reader.memory();
        this.layout = RubyLayout.of(reader.series());
        this.entries = new StEntries(reader);
        this.dataPlaces = Map.of(
                "name_err_mesg",
                        List.of(
                                value("mesg", CoreLayout.NAME_ERROR_FORMAT),
                                value("recv", CoreLayout.NAME_ERROR_RECEIVER),
                                value("name", CoreLayout.NAME_ERROR_NAME)),
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
     * yielder}, {@code producer}, {@code proc_entry}, {@code chain}, {@code product} and {@code name_err_mesg}.
     *
     * @param address target address of a slot
     * @return a new list, empty for any other object
     * @throws UnmappedAddressException if they can't be read
     */
    public List<Field> of(long address) {
        if (reader.isSlot(address) && RubyType.of(memory.readLong(address)) == RubyType.IMEMO) {
            return read(address, imemo(reader.imemoType(memory.readLong(address))));
        }
        String type = interpreter.dataTypeOf(address).orElse("");
        List<Place> places = dataPlaces.getOrDefault(type, List.of());
        long data = places.isEmpty() ? 0 : interpreter.data(address, type);
        return data == 0 ? List.of() : read(data, places);
    }

    private List<Field> read(long base, List<Place> places) {
        List<Field> found = new ArrayList<>(places.size());
        for (Place place : places) {
            long at = base + place.offset();
            found.add(new Field(
                    place.name(), place.kind(), place.bytes() == 4 ? memory.readInt(at) : memory.readLong(at)));
        }
        return found;
    }

    private List<Place> imemo(ImemoType type) {
        ImemoLayout known = layout.imemo();
        return switch (type) {
            case ENV ->
                List.of(
                        value("iseq", ImemoLayout.ENV_ISEQ),
                        address("ep", ImemoLayout.ENV_EP),
                        address("env", ImemoLayout.ENV_VALUES),
                        number("env_size", ImemoLayout.ENV_SIZE, 4));
            case CREF ->
                List.of(
                        value("refinements", 8),
                        value(known.crefHoldsSelf() ? "klass_or_self" : "klass", 16),
                        value("next", 24));
            case SVAR ->
                List.of(value("cref_or_me", 8), value("lastline", 16), value("backref", 24), value("others", 32));
            case THROW_DATA ->
                List.of(value("throw_obj", 16), address("catch_frame", 24), number("throw_state", 32, 4));
            case IFUNC -> List.of(address("func", 16), value("data", 24), number("min", 32, 4), number("max", 36, 4));
            case MEMO -> List.of(value("v1", 16), value("v2", 24), value("u3", 32));
            case MENT ->
                List.of(
                        value("defined_class", ImemoLayout.METHOD_DEFINED_CLASS),
                        address("def", ImemoLayout.METHOD_DEFINITION),
                        id("called_id", ImemoLayout.METHOD_CALLED_ID),
                        value("owner", ImemoLayout.METHOD_OWNER));
            case ISEQ -> List.of(value("wrapper", IseqLayout.WRAPPER), address("body", IseqLayout.BODY));
            case TMPBUF ->
                known.buffersChained()
                        ? List.of(
                                address("ptr", known.bufferStart()),
                                value("next", ImemoLayout.BUFFER_NEXT),
                                number("cnt", known.bufferCount(), 8))
                        : List.of(address("ptr", known.bufferStart()), number("cnt", known.bufferCount(), 8));
            case CVAR_ENTRY ->
                List.of(
                        number("index", 8, 4),
                        number("global_cvar_state", 16, 8),
                        value("cref", 24),
                        value("class_value", 32));
            case CALLINFO ->
                List.of(
                        address("kwarg", 8),
                        id("mid", ImemoLayout.CALL_INFO_METHOD),
                        number("flag", 24, 8),
                        number("argc", 32, 8));
            case CALLCACHE ->
                List.of(
                        value("klass", ImemoLayout.CALL_CACHE_CLASS),
                        value("cme_", ImemoLayout.CALL_CACHE_ENTRY),
                        address("call_", 24),
                        number("aux_", 32, 8));
            case CONSTCACHE -> List.of(value("value", 8), value("ic_cref", known.constantCref()));
            case AST, PARSER_STRTERM, FIELDS, UNKNOWN -> List.of();
        };
    }

    /**
     * The pairs in an {@code ObjectSpace::WeakMap} or {@code WeakKeyMap}. They may refer to objects that are gone.
     *
     * @param address target address of a slot
     * @return keys and values in turn, a new list; empty if it is no such object
     * @throws UnmappedAddressException if they can't be read
     */
    public Optional<List<Long>> weakPairs(long address) {
        long keyMap = interpreter.data(address, "weakkeymap");
        long map = keyMap == 0 ? interpreter.data(address, "weakmap") : keyMap;
        if (map == 0) {
            return Optional.empty();
        }
        // A WeakKeyMap has the value itself. With two tables, the second leads from keys to values.
        boolean indirect = layout.data().weakMapsOfPointers();
        List<Long> pairs = new ArrayList<>();
        entries.over(memory.readLong(map + (indirect ? 0 : DataLayout.WEAK_MAP_SECOND)));
        while (entries.next()) {
            long key = entries.key();
            long value = entries.record();
            pairs.add(indirect ? memory.readLong(key) : key);
            pairs.add(indirect && keyMap == 0 ? memory.readLong(value) : value);
        }
        return Optional.of(pairs);
    }

    /**
     * The name of an Encoding.
     *
     * @param address target address of a slot
     * @return for example {@code UTF-8}; empty if it is no Encoding
     * @throws UnmappedAddressException if it can't be read
     */
    public Optional<String> encoding(long address) {
        long data = interpreter.data(address, "encoding");
        return data == 0
                ? Optional.empty()
                : Optional.of(memory.readCString(memory.readLong(data + DataLayout.ENCODING_NAME), LONGEST_NAME));
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
