// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

import dev.heapwalk.heap.RootCategory;
import dev.heapwalk.heap.RootSink;
import dev.heapwalk.heap.RootSource;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.layout.ContextLayout;
import dev.heapwalk.ruby.layout.MarkLayout;
import dev.heapwalk.ruby.layout.ObjspaceLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.ThreadLayout;
import dev.heapwalk.ruby.layout.VmLayout;
import dev.heapwalk.ruby.object.RArray;
import dev.heapwalk.ruby.table.IdEntries;
import dev.heapwalk.ruby.table.StEntries;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What keeps objects alive without being one: where the garbage collector begins. The categories have the names that
 * {@code ObjectSpace.dump_all} has for them. Threads are reached from the virtual machine, and their stacks from them;
 * only the machine stack of the thread that ran last is a root of its own. For one thread.
 */
public final class Roots implements RootSource {
    /** What the virtual machine refers to, and its object. */
    public static final RootCategory VM = new RootCategory("vm", true);
    /** The procs of objects that have finalizers. */
    public static final RootCategory FINALIZERS = new RootCategory("finalizers", true);
    /** The machine stack and registers of the thread that ran last, where any word may be a reference. */
    public static final RootCategory MACHINE_CONTEXT = new RootCategory("machine_context", false);
    /** Variables of C code: {@code rb_gc_register_address}. Since 3.4 the virtual machine has them. */
    public static final RootCategory GLOBAL_LIST = new RootCategory("global_list", true);
    /** What runs at the end: {@code at_exit}. */
    public static final RootCategory END_PROC = new RootCategory("end_proc", true);
    /** Global variables. */
    public static final RootCategory GLOBAL_TABLE = new RootCategory("global_tbl", true);
    /** The table of symbols. Since 4.0; earlier it is a variable of C code. */
    public static final RootCategory GLOBAL_SYMBOLS = new RootCategory("global_symbols", true);

    /** Whose a global variable is. */
    public enum Scope {
        /** One for the process. */
        PROCESS,
        /** Each thread has its own, such as {@code $!}. What is told is that of the main thread. */
        THREAD,
        /** Each frame has its own, such as {@code $~}. What is told is that of the main thread's innermost frame. */
        FRAME
    }

    /**
     * A part of a String.
     *
     * @param string the {@code VALUE} of the String
     * @param begin where it begins, in bytes from the beginning of the String; below zero for what took no part in a
     *     match
     * @param end where it ends, in bytes
     */
    public record Part(long string, long begin, long end) {}

    /**
     * A global variable.
     *
     * @param name its name, beginning with {@code $}; empty if its ID has none
     * @param entry target address of its {@code struct rb_global_variable}, which aliases share; 0 for {@code $1} and
     *     so on, which have none
     * @param variable target address of the variable that holds the value, 0 if the table itself does, it is made at
     *     each use, or nothing can be read
     * @param known whether the value is known, which it is not where code computes it
     * @param value the {@code VALUE}; if it is not known, what it is made from, such as the MatchData for {@code $1},
     *     meaningless if that is 0
     * @param scope whose it is
     * @param part the part of a String that the value is a copy of, for {@code $&}, {@code $1} and the like, whose
     *     value is not known, since Ruby makes a new String at each use
     */
    public record Global(
            Optional<String> name,
            long entry,
            long variable,
            boolean known,
            long value,
            Scope scope,
            Optional<Part> part) {}

    /**
     * A variable of C code that the garbage collector knows.
     *
     * @param address target address of the variable
     * @param value what it holds
     */
    public record Registered(long address, long value) {}

    /**
     * The finalizers of an object.
     *
     * @param object target address of the object
     * @param procs target address of the Array that holds them, behind the object's ID
     */
    public record Finalizer(long object, long procs) {}

    private static final int MOST_SIGNALS = MarkLayout.Machine.SIGNALS;

    private final RubyVm vm;
    private final ObjectReader reader;
    private final Reader memory;
    private final RubyLayout layout;
    private final MarkLayout.Machine machine;
    private final Marking mark;
    private final References references;
    private final long current;
    private final int moved;
    private final List<Long> endProcs;
    private final List<String> missing = new ArrayList<>();
    private final Map<RootCategory, Runnable> parts;

    /**
     * Finds what the roots hang on.
     *
     * @param reader what follows the pointers
     */
    public Roots(ObjectReader reader) {
        this(new References(reader), reader);
    }

    /** As above, with what marks, whose machine stacks this tells apart. */
    Roots(References references, ObjectReader reader) {
        this.vm = reader.vm();
        this.reader = reader;
        this.memory = reader.memory();
        this.layout = RubyLayout.of(reader.edition());
        this.machine = layout.mark().machine();
        this.references = references;
        this.mark = references.marking();
        this.moved = vm.moved(memory);
        this.current = findCurrent();
        references.contexts().current(current);
        this.endProcs = new EndProcs(reader).find();
        this.parts = Map.of(
                VM,
                this::machine,
                FINALIZERS,
                () -> part("finalizers", this::markFinalizers),
                MACHINE_CONTEXT,
                () -> part("machine stack", this::machineContext),
                GLOBAL_LIST,
                () -> part("registered variables", this::globalList),
                END_PROC,
                () -> part("what runs at the end", this::markEndProcs),
                GLOBAL_TABLE,
                () -> part("global variables", this::globalTable),
                GLOBAL_SYMBOLS,
                () -> part("symbols", this::symbols));
    }

    /** The execution context of the thread that ran last, 0 if that can't be told. */
    private long findCurrent() {
        try {
            long ec = layout.vm().ractors() >= 0
                    ? memory.readLong(memory.readLong(vm.address() + layout.vm().mainRactor())
                            + layout.mark().ractor().runningContext())
                    : memory.readLong(memory.readLong(vm.address() + machine.runningThread())
                            + layout.thread().ec());
            if (ec == 0) {
                return 0;
            }
            long thread = memory.readLong(ec + layout.context().thread());
            return reader.isSlot(memory.readLong(thread + ThreadLayout.SELF))
                            && memory.readLong(thread + layout.thread().ec()) == ec
                    ? ec
                    : 0;
        } catch (UnmappedAddressException e) {
            return 0;
        }
    }

    /**
     * The execution context whose machine stack is {@link #MACHINE_CONTEXT}.
     *
     * @return target address of the {@code rb_execution_context_t} that ran last, 0 if that can't be told; then all
     *     stacks are reached from their threads
     */
    public long currentContext() {
        return current;
    }

    /**
     * {@inheritDoc} Those that this version has.
     */
    @Override
    public List<RootCategory> categories() {
        if (layout.mark().symbolsAreRoots()) {
            return List.of(VM, END_PROC, GLOBAL_TABLE, MACHINE_CONTEXT, GLOBAL_SYMBOLS, FINALIZERS);
        }
        if (layout.vm().registersObjects()) {
            return List.of(VM, END_PROC, GLOBAL_TABLE, MACHINE_CONTEXT, FINALIZERS);
        }
        return List.of(VM, FINALIZERS, MACHINE_CONTEXT, GLOBAL_LIST, END_PROC, GLOBAL_TABLE);
    }

    /**
     * Whether {@code ObjectSpace.dump_all} of this version lists a category. Since 3.4 it forgets the finalizers.
     *
     * @param category a category of this version
     * @return whether it does
     */
    public boolean isDumped(RootCategory category) {
        return !category.equals(FINALIZERS) || layout.mark().finalizersDumped();
    }

    @Override
    public void roots(RootCategory category, RootSink sink) {
        Runnable marking = parts.get(category);
        if (marking == null) {
            throw new IllegalArgumentException(category + " is none of " + categories());
        }
        mark.into((address, kind, label) -> sink.root(address, category, label));
        marking.run();
    }

    private void markFinalizers() {
        StEntries entries = new StEntries(reader).over(finalizerTable());
        mark.name(EdgeLabel.Form.OBJECT, "finalizers of ", 0, 0);
        while (entries.next()) {
            mark.numbered(entries.key(), entries.record());
        }
    }

    private void markEndProcs() {
        mark.elements("at_exit");
        for (int i = 0; i < endProcs.size(); i++) {
            mark.numbered(i, endProcs.get(i));
        }
    }

    private void symbols() {
        if (vm.symbolSet() != 0) {
            mark.at("str", vm.symbolSet());
        }
        mark.value("ids", vm.symbolIds());
    }

    /** Frees what names were read with. The reader stays as it is. */
    @Override
    public void close() {
        references.close();
    }

    /** A part of the roots that is marked as far as it can be read. */
    private void part(String what, Runnable marking) {
        try {
            marking.run();
        } catch (UnmappedAddressException e) {
            missing.add(what + ": " + e.getMessage());
        }
    }

    @Override
    public List<String> missing() {
        return List.copyOf(missing);
    }

    /** C name {@code rb_vm_mark}. */
    private void machine() {
        long at = vm.address();
        VmLayout known = layout.vm();
        part("threads", () -> {
            if (known.ractors() >= 0) {
                list("ractor", at + known.ractors(), layout.thread().ractorNext(), ThreadLayout.RACTOR_SELF);
            } else {
                list("thread", at + known.livingThreads(), ThreadLayout.NODE, ThreadLayout.SELF);
            }
        });
        if (known.registersObjects()) {
            part("registered variables", this::globalList);
        }
        part("objects kept forever", () -> keptForever(memory.readLong(at + known.markObjectAry())));
        part("virtual machine", () -> {
            mark.fields(at, machine.values());
            mark.fields(at + moved, machine.laterValues());
        });
        if (machine.boxes() >= 0) {
            part("boxes", () -> {
                references.datas().box(memory.readLong(at + machine.boxes()));
                references.datas().box(memory.readLong(at + machine.boxes() + Long.BYTES));
            });
        }
        part("tables of the virtual machine", () -> {
            if (machine.definedModules() >= 0) {
                mark.table("defined_module_hash", memory.readLong(at + moved + machine.definedModules()), false, true);
            }
            if (machine.loadingTable() >= 0) {
                mark.table("loading_table", memory.readLong(at + loadingTable()), false, true);
            }
            if (machine.globalHooks() >= 0) {
                mark.hooks(at + machine.globalHooks());
            }
        });
        part("signal handlers", () -> mark.values("trap_list.cmd", at + moved(known.trapList()), MOST_SIGNALS));
        part("caches of the virtual machine", () -> {
            if (machine.negativeEntries() >= 0) {
                mark.idTable(EdgeLabel.Form.METHOD, memory.readLong(at + moved + machine.negativeEntries()));
            }
            if (machine.overloadedEntries() >= 0) {
                mark.table(
                        "overloaded_cme_table", memory.readLong(at + moved + machine.overloadedEntries()), false, true);
            }
            if (machine.callCaches() >= 0) {
                callCaches(at + moved + machine.callCaches());
            }
        });
        part("the virtual machine's object", () -> mark.at("self", at + known.self()));
    }

    /** It may follow the field that was added, or lie between two. */
    private int loadingTable() {
        int behind = machine.addedBehindLoading();
        return machine.loadingTable() + (behind < 0 ? 0 : behind == 0 ? moved : Math.min(0, moved + behind));
    }

    /** The handlers may follow the field that was added. */
    private int moved(int trapList) {
        return trapList + (layout.vm().trapListMoves() ? moved : 0);
    }

    private void callCaches(long table) {
        mark.elements("global_cc_cache_table");
        for (int i = 0; i < MarkLayout.Machine.CALL_CACHES; i++) {
            long cache = memory.readLong(table + 8L * i);
            if (cache != 0 && references.codes().active(cache)) {
                mark.numbered(i, cache);
            }
        }
    }

    /** Marks what a field of each element of a {@code list_head} holds; {@code node} is where an element is linked. */
    private void list(String name, long head, int node, int field) {
        long at = memory.readLong(head);
        for (int left = Marking.LONGEST_LIST; at != head && at != 0; left--) {
            if (left == 0) {
                throw new UnmappedAddressException(at, head, Marking.LONGEST_LIST);
            }
            mark.at(name, at - node + field);
            at = memory.readLong(at);
        }
    }

    /** C name {@code rb_gc_register_mark_object}: arrays in an array, and since 3.4 a list of its own. */
    private void keptForever(long list) {
        mark.value("mark_object_ary", list);
        if (layout.vm().keepsInList()) {
            return;
        }
        RArray arrays = new RArray(reader);
        if (!reader.find(list, arrays) || arrays.type() != RubyType.ARRAY) {
            return;
        }
        long elements = arrays.elements();
        long count = arrays.length();
        memory.requireMapped(elements, count, Long.BYTES);
        RArray array = new RArray(reader);
        for (long i = 0; i < count; i++) {
            long element = memory.readLong(elements + 8 * i);
            mark.value("mark_object_ary", element);
            if (reader.find(element, array) && array.type() == RubyType.ARRAY) {
                mark.values("mark_object_ary", array.elements(), array.length());
            }
        }
    }

    /**
     * The machine stack of the context that ran last, from where its thread's stack pointer is, and the thread's
     * registers.
     */
    private void machineContext() {
        if (current == 0) {
            return;
        }
        ContextLayout context = layout.context();
        long high = memory.readLong(current + context.stackStart());
        long low = memory.readLong(current + context.stackEnd());
        long size = memory.readLong(current + context.stackSize());
        String stack = "machine stack";
        for (ThreadState thread : vm.target().threads()) {
            Registers registers = thread.registers().orElse(null);
            if (registers == null) {
                continue;
            }
            long pointer = registers.stackPointer() & ~7L;
            if (pointer < high && (high - pointer <= size || sameMapping(pointer, high - Long.BYTES))) {
                low = pointer;
                stack = "stack of thread " + thread.tid();
                String register = "register of thread " + thread.tid();
                for (long word : registers.general()) {
                    mark.maybe(register, word);
                }
                break;
            }
        }
        mark.locations(stack, low, high);
    }

    private boolean sameMapping(long one, long other) {
        Target target = vm.target();
        return target.memory()
                .mappings()
                .at(one)
                .filter(mapping -> mapping.contains(other))
                .isPresent();
    }

    private long registeredList() {
        ObjspaceLayout objspace = layout.objspace();
        return objspace.globalList() >= 0
                ? memory.readLong(vm.objspace() + objspace.globalList())
                : memory.readLong(vm.address() + layout.vm().globalObjectList());
    }

    private void globalList() {
        List<Registered> all = registered();
        mark.name(EdgeLabel.Form.VARIABLE, "", 0, 0);
        for (Registered registered : all) {
            mark.maybeNumbered(registered.address(), registered.value());
        }
    }

    /**
     * The variables of C code that the garbage collector knows, the last registered first.
     *
     * @return a new list
     * @throws UnmappedAddressException if the list is damaged
     */
    public List<Registered> registered() {
        List<Registered> found = new ArrayList<>();
        long first = registeredList();
        long at = first;
        while (at != 0) {
            if (found.size() == Marking.LONGEST_LIST) {
                throw new UnmappedAddressException(at, first, Marking.LONGEST_LIST);
            }
            long variable = memory.readLong(at);
            found.add(new Registered(variable, memory.readLong(variable)));
            at = memory.readLong(at + VmLayout.REGISTERED_NEXT);
        }
        return found;
    }

    /** The table of finalizers, 0 if what is there is none. */
    private long finalizerTable() {
        long table = memory.readLong(vm.objspace() + layout.objspace().finalizerTable());
        if (table == 0) {
            return 0;
        }
        StEntries entries = new StEntries(reader).over(table);
        while (entries.next()) {
            if (!reader.isSlot(entries.key()) || !reader.isSlot(entries.record())) {
                missing.add("finalizers: 0x%x is no table of them".formatted(table));
                return 0;
            }
        }
        return table;
    }

    /**
     * The objects that have finalizers.
     *
     * @return a new list
     * @throws UnmappedAddressException if the table is damaged
     */
    public List<Finalizer> finalizers() {
        List<Finalizer> found = new ArrayList<>();
        StEntries entries = new StEntries(reader).over(finalizerTable());
        while (entries.next()) {
            found.add(new Finalizer(entries.key(), entries.record()));
        }
        return found;
    }

    /**
     * What runs at the end of the program, in the order in which it will.
     *
     * @return target addresses of procs, or of what C code gave
     */
    public List<Long> atExit() {
        return List.copyOf(endProcs);
    }

    private void globalTable() {
        IdEntries entries = new IdEntries(reader).over(vm.globals());
        while (entries.next()) {
            long variable = memory.readLong(entries.value());
            long data = memory.readLong(variable + VmLayout.GLOBAL_DATA);
            mark.name(EdgeLabel.Form.GLOBAL, "", 0, 0);
            if (reader.isSlot(data)) {
                mark.numbered(entries.serial(), data);
            } else if (isVariable(data)) {
                mark.maybeNumbered(entries.serial(), memory.readLong(data));
            }
            long trace = memory.readLong(variable + layout.vm().globalTrace());
            for (int left = Marking.LONGEST_LIST; trace != 0; left--) {
                if (left == 0) {
                    throw new UnmappedAddressException(trace, variable, Marking.LONGEST_LIST);
                }
                mark.maybe("trace_var", memory.readLong(trace + VmLayout.TRACE_DATA));
                trace = memory.readLong(trace + VmLayout.TRACE_NEXT);
            }
        }
    }

    private boolean isVariable(long data) {
        return data != 0 && (data & 7) == 0 && memory.mapped(data, Long.BYTES) && !isConstant(data);
    }

    private boolean isConstant(long value) {
        return !reader.constants().isReference(value)
                || value == reader.constants().undef();
    }

    /**
     * The global variables, in the order of their table: those that {@code Kernel#global_variables} names in the main
     * thread's innermost frame.
     *
     * @return a new list
     * @throws UnmappedAddressException if the table is damaged
     */
    public List<Global> globals() {
        return new Globals(reader).read();
    }
}
