// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.object.DataTypes;
import dev.heapwalk.ruby.object.RData;
import dev.heapwalk.ruby.table.StEntries;
import dev.heapwalk.text.JsonLines;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Where objects were made, of those that were made while {@code ObjectSpace.trace_object_allocations} was on. C name
 * {@code struct allocation_info}. Since 3.0; in 2.7 no object leads to the table.
 */
final class Allocations {
    private static final Optional<String> TRACER = Optional.of("ObjectTracing/allocation_info_tracer");
    /** {@code object_table} in {@code struct traceobj_arg}. */
    private static final int OBJECT_TABLE = 24;

    private static final int LIVING = 0;
    private static final int PATH = 24;
    private static final int LINE = 32;
    private static final int METHOD = 48;
    private static final int GENERATION = 56;
    private static final int LONGEST_PATH = 1 << 12;

    private static final byte[] FILE_KEY = JsonLines.ascii(", \"file\":");
    private static final byte[] LINE_KEY = JsonLines.ascii(", \"line\":");
    private static final byte[] METHOD_KEY = JsonLines.ascii(", \"method\":");
    private static final byte[] GENERATION_KEY = JsonLines.ascii(", \"generation\":");

    private final ObjectReader reader;
    private final Reader memory;
    private final Map<Long, Long> infos;

    private Allocations(ObjectReader reader, Map<Long, Long> infos) {
        this.reader = reader;
        this.memory = reader.memory();
        this.infos = infos;
    }

    /** The same table for the reader of another thread. */
    Allocations with(ObjectReader other) {
        return new Allocations(other, infos);
    }

    /** Looks for the table. Null if there is none, as in nearly all processes. */
    static Allocations find(ObjectReader reader) {
        if (reader.vm().target().modules().stream().noneMatch(Allocations::mayTrace)) {
            return null;
        }
        SlotCursor slot = reader.vm().slots(reader);
        DataTypes types = new DataTypes();
        while (slot.next()) {
            if (slot.type() == RubyType.DATA && slot.state() == SlotState.LIVE) {
                RData data = slot.asData();
                if (types.of(data).equals(TRACER) && data.data() != 0) {
                    Allocations found = new Allocations(reader, new HashMap<>());
                    found.read(data.data());
                    return found.infos.isEmpty() ? null : found;
                }
            }
        }
        return null;
    }

    /** Whether a module is the extension that traces, or may have it linked in. */
    private static boolean mayTrace(ElfModule module) {
        return module.path().isEmpty() || module.path().contains("objspace");
    }

    private void read(long tracer) {
        try {
            StEntries entries = new StEntries(reader).over(memory.readLong(tracer + OBJECT_TABLE));
            while (entries.next()) {
                infos.put(entries.key(), entries.record());
            }
        } catch (UnmappedAddressException e) {
            infos.clear();
        }
    }

    /** Writes what is known of where an object was made. */
    void write(JsonLines json, long object) {
        Long info = infos.get(object);
        if (info == null || memory.readInt(info + LIVING) == 0) {
            return;
        }
        long path = memory.readLong(info + PATH);
        long line = memory.readLong(info + LINE);
        long method = memory.readLong(info + METHOD);
        long generation = memory.readLong(info + GENERATION);
        if (path != 0) {
            String file = memory.readCString(path, LONGEST_PATH);
            json.raw(FILE_KEY);
            json.string(file.getBytes(StandardCharsets.UTF_8));
        }
        if (line != 0) {
            json.raw(LINE_KEY);
            json.unsigned(line);
        }
        Optional<byte[]> name = (method & ~reader.constants().nil()) == 0
                ? Optional.empty()
                : reader.symbols().bytesOfSymbol(method);
        if (name.isPresent()) {
            json.raw(METHOD_KEY);
            json.string(name.get());
        }
        json.raw(GENERATION_KEY);
        json.unsigned(generation);
    }
}
