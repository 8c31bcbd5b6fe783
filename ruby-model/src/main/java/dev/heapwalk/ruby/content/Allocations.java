// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.content;

import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.layout.CoreLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.object.DataTypes;
import dev.heapwalk.ruby.object.RData;
import dev.heapwalk.ruby.table.StEntries;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Where objects were made, of those that were made while {@code ObjectSpace.trace_object_allocations} was on. C name
 * {@code struct allocation_info}. Goes to one object at a time; for one thread.
 */
public final class Allocations {
    private static final String TRACER = "ObjectTracing/allocation_info_tracer";
    private static final String TRACE_POINT = "tracepoint";
    private static final int LONGEST_PATH = 1 << 12;
    /** Addresses have 47 bits. */
    private static final int PATH_SHIFT = 17;

    private final ObjectReader reader;
    private final Reader memory;
    private final LongTable infos;
    private long path;
    private long line;
    private long classPath;
    private long method;
    private long generation;

    private Allocations(ObjectReader reader, LongTable infos) {
        this.reader = reader;
        this.memory = reader.memory();
        this.infos = infos;
    }

    /**
     * One that knows of no object.
     *
     * @param reader what reads the heap
     * @return a new one
     */
    public static Allocations none(ObjectReader reader) {
        return new Allocations(reader, new LongTable());
    }

    /**
     * The same table for the reader of another thread.
     *
     * @param other what reads the same heap
     * @return a new one
     */
    public Allocations with(ObjectReader other) {
        return new Allocations(other, infos);
    }

    /**
     * Looks for what was traced.
     *
     * @param reader what reads the heap
     * @return the table, which knows of no object in nearly all processes
     */
    public static Allocations find(ObjectReader reader) {
        LongTable infos = new LongTable();
        if (reader.vm().target().modules().stream().anyMatch(Allocations::mayTrace)) {
            try {
                StEntries entries = new StEntries(reader).over(table(reader));
                while (entries.next()) {
                    infos.put(entries.key(), entries.record());
                }
            } catch (UnmappedAddressException e) {
                infos.clear();
            }
        }
        return new Allocations(reader, infos);
    }

    /** Whether a module is the extension that traces, or one whose file's name is not known and that may be it. */
    private static boolean mayTrace(ElfModule module) {
        return module.path().isEmpty() || module.path().contains("objspace");
    }

    private static long table(ObjectReader reader) {
        SlotCursor slot = reader.vm().slots(reader);
        try {
            return table(reader, slot);
        } finally {
            slot.close();
        }
    }

    private static long table(ObjectReader reader, SlotCursor slot) {
        boolean direct = RubyLayout.of(reader.series()).core().tracerIsObject();
        Optional<String> wanted = Optional.of(direct ? TRACER : TRACE_POINT);
        Reader memory = reader.memory();
        DataTypes types = new DataTypes();
        while (slot.next()) {
            if (slot.type() != RubyType.DATA || slot.state() != SlotState.LIVE) {
                continue;
            }
            RData data = slot.asData();
            long address = data.address();
            long at = data.data();
            if (at == 0 || !types.of(data).equals(wanted)) {
                continue;
            }
            long tracer = direct ? at : memory.readLong(at + CoreLayout.TRACE_POINT_DATA, 0);
            if (direct
                    || memory.readLong(tracer + CoreLayout.TRACE_MADE, 0) == address
                    || memory.readLong(tracer + CoreLayout.TRACE_FREED, 0) == address) {
                return memory.readLong(tracer + CoreLayout.TRACE_TABLE);
            }
        }
        return 0;
    }

    /**
     * Whether nothing was traced.
     *
     * @return whether no object is known
     */
    public boolean isEmpty() {
        return infos.size() == 0;
    }

    /**
     * Goes to what is known of an object.
     *
     * @param object target address of a slot
     * @return whether anything is; if not, nothing else may be asked
     * @throws UnmappedAddressException if it can't be read
     */
    public boolean over(long object) {
        long info = infos.get(object, 0);
        if (info == 0 || memory.readInt(info + CoreLayout.ALLOCATION_LIVING) == 0) {
            return false;
        }
        path = memory.readLong(info + CoreLayout.ALLOCATION_PATH);
        line = memory.readLong(info + CoreLayout.ALLOCATION_LINE);
        classPath = memory.readLong(info + CoreLayout.ALLOCATION_CLASS);
        method = memory.readLong(info + CoreLayout.ALLOCATION_METHOD);
        generation = memory.readLong(info + CoreLayout.ALLOCATION_GENERATION);
        return true;
    }

    /**
     * The file.
     *
     * @return {@code ObjectSpace.allocation_sourcefile}; empty if there is none
     * @throws UnmappedAddressException if it can't be read
     */
    public Optional<String> file() {
        return path == 0 ? Optional.empty() : Optional.of(memory.readCString(path, LONGEST_PATH));
    }

    /**
     * The line.
     *
     * @return {@code ObjectSpace.allocation_sourceline}, which may be 0 or below; empty if it is 0 without a file
     */
    public OptionalLong line() {
        return line == 0 && path == 0 ? OptionalLong.empty() : OptionalLong.of(line);
    }

    /**
     * A number for the file and line. Each path is kept once.
     *
     * @return the same for the same place, and another for any other; a line behind the first {@code 1 << 17} may have
     *     that of a place in another file
     */
    public long place() {
        return (path << PATH_SHIFT) + line;
    }

    /**
     * The file and line.
     *
     * @return for example {@code shop.rb:12}
     */
    public String text() {
        return file().orElse("?") + ":" + line;
    }

    /**
     * The class of the object whose method made it.
     *
     * @return {@code ObjectSpace.allocation_class_path}; empty if there is none
     * @throws UnmappedAddressException if it can't be read
     */
    public Optional<String> classPath() {
        return classPath == 0 ? Optional.empty() : Optional.of(memory.readCString(classPath, LONGEST_PATH));
    }

    /**
     * The method that made it.
     *
     * @return the name of {@code ObjectSpace.allocation_method_id}; empty if there is none
     * @throws UnmappedAddressException if it can't be read
     */
    public Optional<byte[]> method() {
        return (method & ~reader.constants().nil()) == 0
                ? Optional.empty()
                : reader.symbols().bytesOfSymbol(method);
    }

    /**
     * How many collections there had been.
     *
     * @return {@code ObjectSpace.allocation_generation}
     */
    public long generation() {
        return generation;
    }
}
