// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.content.Coverages;
import dev.heapwalk.ruby.content.Exceptions;
import dev.heapwalk.ruby.content.KnownClasses;
import dev.heapwalk.ruby.content.Moment;
import dev.heapwalk.ruby.content.Sets;
import dev.heapwalk.ruby.content.Times;
import dev.heapwalk.ruby.layout.CoreLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.object.RArray;
import dev.heapwalk.ruby.vm.Backtraces;
import dev.heapwalk.ruby.vm.Interpreter;
import dev.heapwalk.ruby.vm.Iseq;
import dev.heapwalk.ruby.vm.Monitor;
import dev.heapwalk.ruby.vm.Queue;
import dev.heapwalk.ruby.vm.RubyThread;
import dev.heapwalk.ruby.vm.RubyThreads;
import dev.heapwalk.ruby.vm.field.MachineFields;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Writes what objects of the core library hold: exceptions, times, queues, monitors, sets, the virtual machine. */
final class CoreKeys {
    private static final byte[] MESSAGE = DumpLine.key("message");
    private static final byte[] BACKTRACE = DumpLine.key("backtrace");
    private static final byte[] CAUSE = DumpLine.key("cause");
    private static final byte[] LOCATION = DumpLine.key("location");
    private static final byte[] SECONDS = DumpLine.key("sec");
    private static final byte[] NANOSECONDS = DumpLine.key("nsec");
    private static final byte[] SUBSECOND = DumpLine.key("subsec");
    private static final byte[] UTC = DumpLine.key("utc");
    private static final byte[] UTC_OFFSET = DumpLine.key("utc_offset");
    private static final byte[] ZONE = DumpLine.key("zone");
    private static final byte[] ITEMS = DumpLine.key("items");
    private static final byte[] MAX = DumpLine.key("max");
    private static final byte[] CLOSED = DumpLine.key("closed");
    private static final byte[] WAITING = DumpLine.key("waiting");
    private static final byte[] PUSHING = DumpLine.key("waiting_push");
    private static final byte[] LOCKED = DumpLine.key("locked");
    private static final byte[] OWNER = DumpLine.key("owner");
    private static final byte[] THREAD = DumpLine.key("thread");
    private static final byte[] COUNT = DumpLine.key("count");
    private static final byte[] MUTEX = DumpLine.key("mutex");
    private static final byte[] ENCLOSED = DumpLine.key("enclosed");
    private static final byte[] THREADS = DumpLine.key("threads");
    private static final byte[] GROUP = DumpLine.key("thgroup_default");
    private static final byte[] COVERAGE = DumpLine.key("coverage");

    private static final byte[] LINES = name("lines");
    private static final byte[] ONESHOT_LINES = name("oneshot_lines");
    private static final byte[] BRANCHES = name("branches");

    /** The fields of the virtual machine, beside its threads and their group. */
    private static final List<String> MACHINE =
            List.of("mark_object_ary", "load_path", "loaded_features", "top_self", "coverages");

    private static final long LONGEST_BACKTRACE = 1 << 17;

    private final ObjectReader reader;
    private final Reader memory;
    private final Interpreter interpreter;
    private final RubyThreads threads;
    private final DumpLine line;
    private final KnownClasses classes;
    private final Exceptions exceptions;
    private final Backtraces backtraces;
    private final Times times;
    private final Sets sets;
    private final Coverages coverages;
    private final MachineFields machine;
    private final RArray array;
    private final Map<Long, RubyThread> living = new LinkedHashMap<>();
    private boolean looked;

    CoreKeys(RubyThreads threads, DumpLine line) {
        this.threads = threads;
        this.interpreter = threads.interpreter();
        this.reader = interpreter.reader();
        this.memory = reader.memory();
        this.line = line;
        this.classes = new KnownClasses(reader);
        this.exceptions = new Exceptions(interpreter);
        this.backtraces = interpreter.backtraces();
        this.times = new Times(reader);
        this.sets = new Sets(reader);
        this.coverages = new Coverages(reader);
        this.machine = new MachineFields(reader);
        this.array = new RArray(reader);
    }

    private static byte[] name(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /** The keys of an object that has instance variables, if its class is one that is known. */
    void object(RValue object) {
        long address = object.address();
        long klass = object.klass();
        KnownClasses.Kind kind = classes.of(klass);
        switch (kind) {
            case EXCEPTION -> exception(address, klass);
            case SET -> {
                if (sets.overObject(address)) {
                    elements();
                }
            }
            case OTHER -> {}
        }
    }

    /** The keys of data, by the name of its type. Returns whether the type is known. */
    boolean data(String type, long address, long data) {
        switch (type) {
            case "VM" -> {
                if (data == reader.vm().address()) {
                    machine();
                }
            }
            case "backtrace" -> backtrace(address);
            case "frame_info" -> backtraces.location(address).ifPresent(text -> line.label(LOCATION, text));
            case "time" -> {
                if (data != 0) {
                    times.at(data).ifPresent(this::time);
                }
            }
            case "queue", "sized_queue", "Thread::Queue", "Thread::SizedQueue" ->
                interpreter.queue(address).ifPresent(this::queue);
            case "monitor" -> interpreter.monitor(address).ifPresent(this::monitor);
            case "thgroup" -> {
                if (data != 0) {
                    group(address, data);
                }
            }
            case "set" -> {
                if (data != 0 && RubyLayout.of(reader.series()).core().setsHaveTables()) {
                    sets.overData(data);
                    elements();
                }
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private void exception(long address, long klass) {
        exceptions.over(address, klass);
        exceptions.message().ifPresent(text -> line.own(MESSAGE, text));
        long backtrace = exceptions.backtrace();
        long cause = exceptions.cause();
        if (backtraces.isBacktrace(backtrace)) {
            backtrace(backtrace);
        } else if (interpreter.isArray(backtrace)) {
            lines(backtrace);
        } else {
            line.value(BACKTRACE, reader.constants().nil());
        }
        if (cause != reader.constants().nil()) {
            line.value(CAUSE, cause);
        }
    }

    private void backtrace(long address) {
        backtraces.over(address);
        line.name(BACKTRACE);
        line.openArray();
        for (long i = 0; i < LONGEST_BACKTRACE && backtraces.next(); i++) {
            line.comma();
            line.item(backtraces.text());
        }
        line.close();
    }

    /** A backtrace that a program has set: Strings, or locations. */
    private void lines(long address) {
        long count = reader.at(address, array).length();
        long first = array.elements();
        memory.requireMapped(first, count, Long.BYTES);
        line.name(BACKTRACE);
        line.openArray();
        for (long i = 0; i < Math.min(count, LONGEST_BACKTRACE); i++) {
            long element = memory.readLong(first + Long.BYTES * i);
            Optional<String> text = exceptions.line(element);
            line.comma();
            if (text.isPresent()) {
                line.ownItem(text.get());
            } else {
                line.value(element);
            }
        }
        line.close();
    }

    private void time(Moment time) {
        if (time.seconds().bitLength() < Long.SIZE) {
            line.number(SECONDS, time.seconds().longValue());
        } else {
            line.label(SECONDS, time.seconds().toString());
        }
        line.number(NANOSECONDS, time.nanoseconds());
        time.subsecond().ifPresent(exact -> line.label(SUBSECOND, exact));
        line.flag(UTC, time.utc());
        if (time.offset().isPresent()) {
            String offset = time.offset().get();
            if (offset.indexOf('/') < 0 && new BigInteger(offset).bitLength() < Long.SIZE) {
                line.number(UTC_OFFSET, Long.parseLong(offset));
            } else {
                line.label(UTC_OFFSET, offset);
            }
        }
        if (time.utc()) {
            line.label(ZONE, "UTC");
        } else if (time.zone() != 0) {
            Optional<byte[]> name =
                    reader.isString(time.zone()) ? reader.symbols().bytesOfString(time.zone()) : Optional.empty();
            if (name.isPresent()) {
                line.label(ZONE, name.get());
            } else {
                line.value(ZONE, time.zone());
            }
        }
    }

    private void queue(Queue queue) {
        long count = reader.at(queue.items(), array).length();
        line.values(ITEMS, array.elements(), count);
        if (queue.max() != Queue.UNLIMITED) {
            line.number(MAX, queue.max());
        }
        line.flag(CLOSED, queue.closed());
        waiting(WAITING, queue.waiting());
        waiting(PUSHING, queue.pushing());
    }

    /** Those who wait, but for threads that a fork has left behind. */
    private void waiting(byte[] key, List<Long> addresses) {
        List<Long> objects = addresses.stream()
                .map(living()::get)
                .filter(thread -> thread != null)
                .map(RubyThread::self)
                .toList();
        if (!objects.isEmpty()) {
            references(key, objects);
        }
    }

    private void references(byte[] key, List<Long> addresses) {
        line.name(key);
        line.openArray();
        for (long address : addresses) {
            line.comma();
            line.value(address);
        }
        line.close();
    }

    private void monitor(Monitor monitor) {
        line.flag(LOCKED, monitor.mutex().locked());
        line.reference(OWNER, monitor.owner());
        RubyThread holder = living().get(monitor.mutex().thread());
        if (holder != null) {
            line.reference(THREAD, holder.self());
        }
        line.number(COUNT, monitor.count());
        line.reference(MUTEX, monitor.mutex().address());
    }

    private void group(long address, long data) {
        line.flag(ENCLOSED, memory.readInt(data + CoreLayout.GROUP_ENCLOSED) != 0);
        references(
                THREADS,
                living().values().stream()
                        .filter(thread -> thread.group() == address)
                        .map(RubyThread::self)
                        .toList());
    }

    private void elements() {
        line.name(ITEMS);
        line.openArray();
        while (sets.next()) {
            line.comma();
            line.value(sets.element());
        }
        line.close();
    }

    private void machine() {
        long group = threads.defaultGroup();
        line.reference(GROUP, group);
        for (String name : MACHINE) {
            long value = machine.value(name);
            line.reference(DumpLine.key(name), reader.isSlot(value) ? value : 0);
        }
        references(THREADS, living().values().stream().map(RubyThread::self).toList());
    }

    /** The threads that live, by the addresses of their structures, in the order of the virtual machine. */
    private Map<Long, RubyThread> living() {
        if (!looked) {
            looked = true;
            threads.living().forEach(thread -> living.put(thread.address(), thread));
        }
        return living;
    }

    /** What was counted for a piece of code. */
    void coverage(Iseq iseq) {
        if (!coverages.over(iseq)) {
            return;
        }
        line.name(COVERAGE);
        line.openObject();
        if (coverages.countsLines()) {
            lines(coverages.lines());
        }
        if (coverages.countsBranches()) {
            line.member(Optional.of(BRANCHES), 0);
            branches(coverages.branches(iseq), false);
        }
        line.close();
    }

    private void lines(long[] counted) {
        if (coverages.marksLinesOnce()) {
            line.member(Optional.of(ONESHOT_LINES), 0);
            line.openArray();
            for (long number : counted) {
                line.comma();
                line.number(number);
            }
        } else {
            line.member(Optional.of(LINES), 0);
            line.openObject();
            for (int i = 0; i < counted.length; i += 2) {
                line.member(Optional.of(name(Long.toString(counted[i]))), 0);
                line.value(counted[i + 1]);
            }
        }
        line.close();
    }

    /** Each as an Array: the type, the place, and the count or the ways that lead from it. */
    private void branches(List<Coverages.Branch> branches, boolean ways) {
        line.openArray();
        for (Coverages.Branch branch : branches) {
            line.comma();
            line.openArray();
            line.comma();
            line.value(branch.type());
            for (long place : branch.place()) {
                line.comma();
                line.number(place);
            }
            line.comma();
            if (ways) {
                line.value(branch.count());
            } else {
                branches(branch.ways(), true);
            }
            line.close();
        }
        line.close();
    }
}
