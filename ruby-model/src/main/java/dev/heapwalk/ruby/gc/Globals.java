// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.code.CodeMemory;
import dev.heapwalk.ruby.code.SizeFunction;
import dev.heapwalk.ruby.gc.Roots.Global;
import dev.heapwalk.ruby.gc.Roots.Part;
import dev.heapwalk.ruby.gc.Roots.Scope;
import dev.heapwalk.ruby.layout.DataLayout;
import dev.heapwalk.ruby.layout.MarkLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.VmLayout;
import dev.heapwalk.ruby.object.DataTypes;
import dev.heapwalk.ruby.object.RData;
import dev.heapwalk.ruby.object.RMatch;
import dev.heapwalk.ruby.object.SpecialConstants;
import dev.heapwalk.ruby.table.IdEntries;
import dev.heapwalk.ruby.vm.Interpreter;
import dev.heapwalk.ruby.vm.RubyThread;
import dev.heapwalk.ruby.vm.RubyThreads;
import dev.heapwalk.ruby.vm.SpecialVariables;
import dev.heapwalk.ruby.vm.field.MachineFields;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Reads the global variables. Most hold their value, or point to a variable of C code that does. The others have a
 * function in C, {@code getter}, that makes it: those of the interpreter are told by the name of a variable that has
 * them, so that a new name for one ({@code alias}) is no other variable, and what they do is done here. Of other code's
 * functions those that are simple are worked out.
 */
final class Globals {
    /** What the interpreter's own functions give. */
    private enum Getter {
        STDIN("$stdin"),
        STDOUT("$stdout", "$>"),
        STDERR("$stderr"),
        VERBOSE("$VERBOSE", "$-v", "$-w"),
        WARNINGS("$-W"),
        DEBUG("$DEBUG", "$-d"),
        ERROR("$!"),
        ERROR_PLACE("$@"),
        LAST_MATCH("$~"),
        MATCHED("$&"),
        BEFORE_MATCH("$`"),
        AFTER_MATCH("$'"),
        LAST_GROUP("$+"),
        LAST_LINE("$_"),
        LAST_STATUS("$?"),
        PROCESS("$$"),
        LOAD_PATH("$:", "$LOAD_PATH", "$-I"),
        LOADED_FEATURES("$\"", "$LOADED_FEATURES"),
        LINE_NUMBER("$."),
        FILE_NAME("$FILENAME"),
        IN_PLACE("$-i"),
        ARGUMENTS("$*"),
        IGNORE_CASE("$="),
        ENCODING("$KCODE", "$-K"),
        SAFE_LEVEL("$SAFE");

        private final Set<String> names;

        Getter(String... names) {
            this.names = Set.of(names);
        }
    }

    private static final String SEPARATOR = "$,";
    private static final Optional<String> ARGF = Optional.of("ARGF");

    private final RubyVm vm;
    private final ObjectReader reader;
    private final Reader memory;
    private final RubyLayout layout;
    private final long nil;
    private final SizeFunction function;
    private final RubyThreads threads;
    private final MachineFields machine;
    private final SpecialVariables special;
    private final DataTypes types = new DataTypes();
    private final Map<Long, Getter> getters = new HashMap<>();
    private final List<Global> found = new ArrayList<>();
    /** The function that returns what a variable of C code holds, and what marks that. */
    private long plainGetter;

    private long plainMarker;
    /** The function of a variable that holds its value itself; 0 if no variable tells it. */
    private long valueGetter;

    private RubyThread main;
    private OptionalLong lastMatch = OptionalLong.empty();
    private List<Part> parts = List.of();

    Globals(ObjectReader reader) {
        this.vm = reader.vm();
        this.reader = reader;
        this.memory = reader.memory();
        this.layout = RubyLayout.of(reader.edition());
        this.nil = reader.constants().nil();
        this.function = new SizeFunction(vm.target().machine(), CodeMemory.of(memory));
        Interpreter interpreter = new Interpreter(reader);
        this.threads = new RubyThreads(interpreter);
        this.machine = new MachineFields(reader);
        this.special = new SpecialVariables(interpreter);
    }

    List<Global> read() {
        learn();
        try {
            main = threads.main();
            long match = special.lastMatch(main.context());
            parts = parts(match);
            lastMatch = OptionalLong.of(match);
        } catch (UnmappedAddressException e) {
            parts = List.of();
        }
        IdEntries entries = new IdEntries(reader).over(vm.globals());
        while (entries.next()) {
            long variable = memory.readLong(entries.value());
            Optional<String> name = reader.symbols().ofSerial(entries.serial());
            long getter = memory.readLong(variable + VmLayout.GLOBAL_GETTER);
            Getter known = getters.get(getter);
            found.add(known == null ? ordinary(name, variable, getter) : interpreters(name, variable, known));
        }
        groups();
        return found;
    }

    /** Which function is which. */
    private void learn() {
        Map<Long, Set<Getter>> claims = new HashMap<>();
        List<long[]> seen = new ArrayList<>();
        IdEntries entries = new IdEntries(reader).over(vm.globals());
        while (entries.next()) {
            long variable = memory.readLong(entries.value());
            long data = memory.readLong(variable + VmLayout.GLOBAL_DATA);
            long getter = memory.readLong(variable + VmLayout.GLOBAL_GETTER);
            long marker = memory.readLong(variable + VmLayout.GLOBAL_MARKER);
            String name = reader.symbols().ofSerial(entries.serial()).orElse("");
            if (name.equals(SEPARATOR)) {
                plainGetter = getter;
                plainMarker = marker;
            }
            seen.add(new long[] {data, getter, marker});
            for (Getter one : Getter.values()) {
                if (one.names.contains(name)) {
                    claims.computeIfAbsent(getter, key -> EnumSet.noneOf(Getter.class))
                            .add(one);
                }
            }
        }
        Set<Long> others = new HashSet<>(Set.of(plainGetter));
        for (long[] one : seen) {
            if (one[2] != plainMarker) {
                // A variable that no C code defined.
                others.add(one[1]);
                valueGetter = one[0] != 0 ? one[1] : valueGetter;
            }
        }
        // A function that several seem to have is that of a variable that was given the name of another.
        claims.forEach((getter, kinds) -> {
            if (kinds.size() == 1 && !others.contains(getter)) {
                getters.put(getter, kinds.iterator().next());
            }
        });
    }

    private Global ordinary(Optional<String> name, long variable, long getter) {
        long data = memory.readLong(variable + VmLayout.GLOBAL_DATA);
        if (memory.readLong(variable + VmLayout.GLOBAL_MARKER) != plainMarker) {
            return own(name, variable, getter, data);
        }
        long held = 0;
        if (data != 0) {
            if ((data & 7) != 0 || !memory.mapped(data, Long.BYTES) || reader.isSlot(data)) {
                return computed(name, variable, getter, data, 0);
            }
            held = memory.readLong(data);
        }
        return getter == plainGetter
                ? new Global(name, variable, data, true, data == 0 ? nil : held, Scope.PROCESS, Optional.empty())
                : computed(name, variable, getter, data, held);
    }

    /** A variable that no C code defined holds its value where others have the address of it. */
    private Global own(Optional<String> name, long variable, long getter, long data) {
        if (data != 0) {
            return new Global(name, variable, 0, true, data, Scope.PROCESS, Optional.empty());
        }
        // That is false, or nothing was assigned to it so far, and it is nil.
        OptionalLong worked = function.value(getter, 0, 0);
        boolean isFalse = worked.isPresent() ? worked.getAsLong() == 0 : getter == valueGetter;
        boolean known = worked.isPresent() || valueGetter != 0;
        return new Global(name, variable, 0, known, isFalse && known ? 0 : nil, Scope.PROCESS, Optional.empty());
    }

    /** A variable whose function is none of the interpreter's, or none that is known. */
    private Global computed(Optional<String> name, long variable, long getter, long data, long held) {
        OptionalLong worked = function.value(getter, 0, data);
        if (worked.isPresent() && isValue(worked.getAsLong())) {
            return new Global(name, variable, 0, true, worked.getAsLong(), Scope.PROCESS, Optional.empty());
        }
        return new Global(name, variable, data, false, held, Scope.PROCESS, Optional.empty());
    }

    private boolean isValue(long value) {
        return value == 0
                || value == nil
                || value == SpecialConstants.TRUE
                || SpecialConstants.isFixnum(value)
                || SpecialConstants.isFlonum(value)
                || SpecialConstants.isStaticSymbol(value)
                || reader.isSlot(value);
    }

    private Global interpreters(Optional<String> name, long variable, Getter getter) {
        Scope scope = scope(getter);
        try {
            long data = memory.readLong(variable + VmLayout.GLOBAL_DATA);
            return switch (getter) {
                case MATCHED, BEFORE_MATCH, AFTER_MATCH, LAST_GROUP -> ofMatch(name, variable, getter);
                case ERROR_PLACE -> {
                    long error = special.error(context());
                    yield new Global(name, variable, 0, error == nil, error, scope, Optional.empty());
                }
                case FILE_NAME, IN_PLACE -> ofArguments(name, variable, getter, data);
                default -> {
                    long place = place(getter, data);
                    OptionalLong value = place != 0 ? word(place) : value(getter, data);
                    yield new Global(
                            name, variable, place, value.isPresent(), value.orElse(0), scope, Optional.empty());
                }
            };
        } catch (UnmappedAddressException e) {
            return new Global(name, variable, 0, false, 0, scope, Optional.empty());
        }
    }

    private static Scope scope(Getter getter) {
        return switch (getter) {
            case ERROR, ERROR_PLACE, LAST_STATUS -> Scope.THREAD;
            case LAST_MATCH, MATCHED, BEFORE_MATCH, AFTER_MATCH, LAST_GROUP, LAST_LINE -> Scope.FRAME;
            default -> Scope.PROCESS;
        };
    }

    private long context() {
        if (main == null) {
            throw new UnmappedAddressException(vm.address(), "main thread");
        }
        return main.context();
    }

    private OptionalLong word(long place) {
        return OptionalLong.of(memory.readLong(place));
    }

    /** Target address of the variable of C code that holds the value, 0 if none does or it can't be found. */
    private long place(Getter getter, long data) {
        return switch (getter) {
            case STDIN -> exported("rb_stdin");
            case STDOUT -> exported("rb_stdout");
            case STDERR -> exported("rb_stderr");
            case VERBOSE -> ofRactor(MarkLayout.Ractor.VERBOSE);
            case DEBUG -> ofRactor(MarkLayout.Ractor.DEBUG);
            case LOAD_PATH -> machine.place("load_path");
            case LOADED_FEATURES -> machine.place("loaded_features");
            case ARGUMENTS -> {
                long argf = argf(data);
                yield argf == 0 ? 0 : argf + DataLayout.ARGF_ARGUMENTS;
            }
            default -> 0;
        };
    }

    private long exported(String name) {
        for (ElfModule module : vm.target().modules()) {
            OptionalLong address = module.exported(name);
            if (address.isPresent()) {
                return address.getAsLong();
            }
        }
        return 0;
    }

    /** The main ractor has what it warns about behind its streams. */
    private long ofRactor(int behind) {
        int offset = layout.mark().ractor().values().offset("r_stderr");
        return offset < 0 ? 0 : threads.ofMainRactor(offset + behind);
    }

    /** A value that no variable holds as it is. */
    private OptionalLong value(Getter getter, long data) {
        return switch (getter) {
            case WARNINGS -> {
                // Until 2.7 the variable is known, since then the ractor.
                long place = data != 0 ? data : place(Getter.VERBOSE, 0);
                yield place == 0 ? OptionalLong.empty() : warnings(memory.readLong(place));
            }
            case ERROR -> OptionalLong.of(special.error(context()));
            case LAST_MATCH -> lastMatch;
            case LAST_LINE -> OptionalLong.of(special.lastLine(context()));
            case LAST_STATUS -> main == null ? OptionalLong.empty() : OptionalLong.of(threads.lastStatus(main));
            case PROCESS -> {
                long pid = threads.ownPid();
                yield pid == 0 ? OptionalLong.empty() : fixnum(pid);
            }
            case LINE_NUMBER -> {
                long argf = argf(data);
                yield argf == 0 ? OptionalLong.empty() : fixnum(memory.readLong(argf + DataLayout.ARGF_LAST_LINE));
            }
            case IGNORE_CASE -> OptionalLong.of(0);
            case ENCODING -> OptionalLong.of(nil);
            case SAFE_LEVEL -> {
                int at = layout.vm().safeLevel();
                yield at < 0
                        ? OptionalLong.empty()
                        : fixnum(memory.readByte(vm.address() + at) >> VmLayout.SAFE_LEVEL_BIT & 1);
            }
            default -> OptionalLong.empty();
        };
    }

    private static OptionalLong fixnum(long number) {
        return OptionalLong.of(number << 1 | 1);
    }

    private OptionalLong warnings(long verbose) {
        return verbose == nil
                ? fixnum(0)
                : verbose == 0 ? fixnum(1) : verbose == SpecialConstants.TRUE ? fixnum(2) : OptionalLong.of(nil);
    }

    /** Target address of the {@code struct argf} of an object that a variable of C code holds, 0 if there is none. */
    private long argf(long place) {
        long object = memory.readLong(place);
        return reader.isSlot(object) ? argf(reader.at(object, new RData(reader))) : 0;
    }

    private long argf(RData object) {
        // Before the type is read, which may move the view.
        long data = object.data();
        return object.type() == RubyType.DATA && types.of(object).equals(ARGF) ? data : 0;
    }

    /** What files are read from is told once reading began; that some are changed in place, by a name to keep. */
    private Global ofArguments(Optional<String> name, long variable, Getter getter, long data) {
        long object = memory.readLong(data);
        long argf = argf(data);
        if (argf == 0) {
            return new Global(name, variable, data, false, object, Scope.PROCESS, Optional.empty());
        }
        if (getter == Getter.IN_PLACE) {
            boolean no = memory.readLong(argf + DataLayout.ARGF_IN_PLACE) == 0;
            return new Global(name, variable, data, no, no ? nil : object, Scope.PROCESS, Optional.empty());
        }
        boolean began = memory.readByte(argf + DataLayout.ARGF_STARTED) != 0
                && memory.readByte(argf + DataLayout.ARGF_NEXT) == 0;
        return new Global(
                name,
                variable,
                began ? argf + DataLayout.ARGF_FILE_NAME : data,
                began,
                began ? memory.readLong(argf + DataLayout.ARGF_FILE_NAME) : object,
                Scope.PROCESS,
                Optional.empty());
    }

    private Global ofMatch(Optional<String> name, long variable, Getter getter) {
        if (lastMatch.isEmpty()) {
            return new Global(name, variable, 0, false, 0, Scope.FRAME, Optional.empty());
        }
        Optional<Part> part = part(getter);
        return new Global(
                name, variable, 0, part.isEmpty(), part.isEmpty() ? nil : lastMatch.getAsLong(), Scope.FRAME, part);
    }

    private Optional<Part> part(Getter getter) {
        List<Part> all = parts;
        if (all.isEmpty() || all.getFirst().begin() < 0) {
            return Optional.empty();
        }
        Part whole = all.getFirst();
        return switch (getter) {
            case BEFORE_MATCH -> Optional.of(new Part(whole.string(), 0, whole.begin()));
            case AFTER_MATCH ->
                Optional.of(new Part(
                        whole.string(),
                        whole.end(),
                        reader.stringAt(whole.string()).length()));
            case LAST_GROUP ->
                all.subList(1, all.size()).reversed().stream()
                        .filter(part -> part.begin() >= 0)
                        .findFirst();
            default -> Optional.of(whole);
        };
    }

    /** The match and its groups; those that took no part in it begin below zero. */
    private List<Part> parts(long match) {
        List<Part> all = new ArrayList<>();
        RMatch view = new RMatch(reader);
        if (!reader.find(match, view) || view.type() != RubyType.MATCH) {
            return all;
        }
        long string = view.string();
        int count = view.groups();
        // A view is good until the next read only.
        for (int group = 0; group < count; group++) {
            long begin = reader.at(match, view).begin(group);
            long end = reader.at(match, view).end(group);
            all.add(new Part(string, begin, end));
        }
        return all;
    }

    /** {@code $1} and so on are in no table; {@code global_variables} has those that took part in the last match. */
    private void groups() {
        for (int group = 1; group < parts.size(); group++) {
            if (parts.get(group).begin() >= 0) {
                found.add(new Global(
                        Optional.of("$" + group),
                        0,
                        0,
                        false,
                        lastMatch.orElse(0),
                        Scope.FRAME,
                        Optional.of(parts.get(group))));
            }
        }
    }
}
