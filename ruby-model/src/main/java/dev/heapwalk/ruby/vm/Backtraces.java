// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.layout.CoreLayout;
import dev.heapwalk.ruby.layout.MarkLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.object.MethodCursor;
import java.util.Optional;

/**
 * Goes through a backtrace that was taken, as an exception keeps one, and tells each of its lines as Ruby would write
 * it. Ruby itself makes them into text only when a program asks. C names {@code rb_backtrace_t} and {@code
 * rb_backtrace_location_t}. For one thread.
 */
public final class Backtraces {
    private final Interpreter interpreter;
    private final ObjectReader reader;
    private final Reader memory;
    private final MarkLayout.Data data;
    private final CoreLayout.Location form;
    private final boolean hidesInternal;

    private long locations;
    private long count;
    private long index;
    private String text = "";

    Backtraces(Interpreter interpreter) {
        this.interpreter = interpreter;
        this.reader = interpreter.reader();
        this.memory = reader.memory();
        RubyLayout layout = RubyLayout.of(reader.series());
        this.data = layout.mark().data();
        this.form = layout.core().location();
        this.hidesInternal = layout.context().hidesInternal();
    }

    /**
     * Whether an object is a backtrace.
     *
     * @param value a {@code VALUE}
     * @return whether it is of Ruby's class {@code Thread::Backtrace}
     */
    public boolean isBacktrace(long value) {
        return reader.isSlot(value) && interpreter.data(value, "backtrace") != 0;
    }

    /**
     * Goes before the innermost line of a backtrace.
     *
     * @param address target address of a slot
     * @return this cursor; without lines for what {@linkplain #isBacktrace is none}
     * @throws dev.heapwalk.memory.UnmappedAddressException if it can't be read, or claims what can't be
     */
    public Backtraces over(long address) {
        locations = 0;
        count = 0;
        index = 0;
        text = "";
        long trace = interpreter.data(address, "backtrace");
        if (trace != 0) {
            long size = memory.readInt(trace + data.backtraceSize());
            long first = data.backtraceInline() ? trace + data.backtrace() : memory.readLong(trace + data.backtrace());
            if (size != 0) {
                memory.requireMapped(first, size, data.locationSize());
            }
            locations = first;
            count = size;
        }
        return this;
    }

    /**
     * Moves to the next line.
     *
     * @return whether there is one
     * @throws dev.heapwalk.memory.UnmappedAddressException if it can't be read
     */
    public boolean next() {
        if (index >= count) {
            return false;
        }
        // With a union, each has the one that called it before it.
        long place = form == CoreLayout.Location.UNION ? count - 1 - index : index;
        index++;
        text = text(locations + place * data.locationSize());
        return true;
    }

    /**
     * The line.
     *
     * @return for example {@code shop.rb:12:in `block in sell'}, quoted as that version does it
     */
    public String text() {
        return text;
    }

    /**
     * The line that a {@code Thread::Backtrace::Location} stands for.
     *
     * @param address target address of a slot
     * @return the line; empty if it is no such object
     * @throws dev.heapwalk.memory.UnmappedAddressException if it can't be read
     */
    public Optional<String> location(long address) {
        long info = interpreter.data(address, "frame_info");
        long location = info == 0 ? 0 : memory.readLong(info + CoreLayout.FRAME_LOCATION);
        return location == 0 ? Optional.empty() : Optional.of(text(location));
    }

    private String text(long location) {
        return switch (form) {
            case UNION -> union(location);
            case TYPED -> typed(location);
            case ENTRY -> entry(location);
        };
    }

    private String union(long location) {
        int type = memory.readInt(location);
        long code = memory.readLong(location + CoreLayout.LOCATION_ISEQ);
        long pc = memory.readLong(location + CoreLayout.LOCATION_PC);
        if (type == CoreLayout.LOCATION_CODE) {
            return ruby(code, pc);
        }
        Optional<Iseq> known = reader.isSlot(code) ? interpreter.iseq(code) : Optional.empty();
        if (known.isPresent()) {
            // Its line was asked for before, and stands in place of the counter.
            return line(known.get().path(), (int) pc, known.get().label());
        }
        Optional<String> name = reader.symbols().of(code);
        if (pc == 0) {
            return line(interpreter.programName(), 0, name);
        }
        int callerType = memory.readInt(pc);
        long callerCode = memory.readLong(pc + CoreLayout.LOCATION_ISEQ);
        long callerPc = memory.readLong(pc + CoreLayout.LOCATION_PC);
        Optional<Iseq> caller = interpreter.iseq(callerCode);
        return line(
                caller.flatMap(Iseq::path),
                callerType == CoreLayout.LOCATION_CODE ? number(caller, callerPc) : (int) callerPc,
                name);
    }

    private String typed(long location) {
        int type = memory.readInt(location);
        long code = memory.readLong(location + CoreLayout.LOCATION_ISEQ);
        long pc = memory.readLong(location + CoreLayout.LOCATION_PC);
        return type == CoreLayout.LOCATION_CODE
                ? ruby(code, pc)
                : writtenInC(code, pc, reader.symbols().of(memory.readLong(location + CoreLayout.LOCATION_NAME)));
    }

    private String entry(long location) {
        long entry = memory.readLong(location);
        long code = memory.readLong(location + CoreLayout.LOCATION_ISEQ);
        long pc = memory.readLong(location + CoreLayout.LOCATION_PC);
        Optional<MethodEntry> method = entry == 0 ? Optional.empty() : interpreter.method(entry);
        if (method.isPresent() && shownAsC(method.get())) {
            return writtenInC(code, pc, method.get().label());
        }
        Optional<Iseq> iseq = interpreter.iseq(code);
        return line(
                iseq.flatMap(Iseq::path),
                number(iseq, pc),
                iseq.flatMap(
                        known -> known.labelOf(method.map(MethodEntry::owner).orElse(0L))));
    }

    private boolean shownAsC(MethodEntry method) {
        if (method.kind() == MethodCursor.Kind.CFUNC) {
            return true;
        }
        Optional<Iseq> iseq = method.iseq() == 0 ? Optional.empty() : interpreter.iseq(method.iseq());
        return iseq.isPresent()
                && (iseq.get().shownAsC() || hidesInternal && iseq.get().internal());
    }

    private String ruby(long code, long pc) {
        Optional<Iseq> iseq = interpreter.iseq(code);
        return line(iseq.flatMap(Iseq::path), number(iseq, pc), iseq.flatMap(Iseq::label));
    }

    /** A method written in C, which has the place of its caller. */
    private String writtenInC(long code, long pc, Optional<String> name) {
        Optional<Iseq> caller = code == 0 || pc == 0 ? Optional.empty() : interpreter.iseq(code);
        return caller.isEmpty()
                ? line(interpreter.programName(), 0, name)
                : line(caller.get().path(), number(caller, pc), name);
    }

    private static int number(Optional<Iseq> iseq, long pc) {
        if (iseq.isEmpty()) {
            return 0;
        }
        if (pc != 0) {
            return iseq.get().line(pc);
        }
        return iseq.get().type() == IseqType.TOP ? 0 : iseq.get().firstLine();
    }

    private String line(Optional<String> path, int number, Optional<String> label) {
        String quote = interpreter.labels().withClass() ? "'" : "`";
        return path.orElse("?")
                + (number == 0 ? "" : ":" + number)
                + ":in "
                + label.map(name -> quote + name + "'").orElse("unknown method");
    }
}
