// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.machine.ControlBlock;
import dev.heapwalk.memory.machine.Processor;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.layout.ContextLayout;
import dev.heapwalk.ruby.layout.ListLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.ThreadLayout;
import dev.heapwalk.ruby.layout.ValueFields;
import dev.heapwalk.ruby.layout.VmLayout;
import dev.heapwalk.ruby.table.IdEntries;
import dev.heapwalk.ruby.table.StEntries;
import dev.heapwalk.ruby.vm.field.MachineFields;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The threads of a virtual machine. Reads their lists again at each call; call {@link ObjectReader#forget()} before,
 * over a target that runs. For one thread.
 */
public final class RubyThreads {
    /** No process has more threads, or ractors; a longer list is a damaged one. */
    private static final int MOST = 1 << 16;
    /**
     * How far the fields of a patch release were found from where the first release of a version has them, in bytes.
     */
    private static final int REACH = 64;

    private static final Optional<String> PROC = Optional.of("proc");
    private static final Optional<String> GROUP = Optional.of("thgroup");
    private static final int INVOKES_RACTOR_PROC = 2;

    private final Interpreter interpreter;
    private final ObjectReader reader;
    private final Reader memory;
    private final RubyVm vm;
    private final ThreadLayout layout;
    private final List<String> notes = new ArrayList<>();
    private final Set<Long> seen = new HashSet<>();
    /** How far this release's fields lie behind those of the layout; probed once. */
    private int threadShift;

    private int ractorShift;
    private boolean probed;
    /** How far the fields behind a fiber's {@code jmp_buf} are moved by its size, -1 until a fiber told. */
    private int fiberShift = -1;

    /**
     * Makes one.
     *
     * @param interpreter what reads the interpreter's structures, for the same thread
     */
    public RubyThreads(Interpreter interpreter) {
        this.interpreter = interpreter;
        this.reader = interpreter.reader();
        this.memory = reader.memory();
        this.vm = reader.vm();
        this.layout = RubyLayout.of(reader.series()).thread();
    }

    /**
     * What reads the interpreter's structures.
     *
     * @return the one that was given
     */
    public Interpreter interpreter() {
        return interpreter;
    }

    /**
     * What could not be read at the last call of {@link #ractors()} or {@link #living()}.
     *
     * @return a sentence each
     */
    public List<String> notes() {
        return List.copyOf(notes);
    }

    /**
     * The ractors.
     *
     * @return a new list, the order is that of the virtual machine; empty in 2.7
     */
    public List<Ractor> ractors() {
        notes.clear();
        List<Ractor> found = new ArrayList<>();
        if (layout.ractorThreads() >= 0) {
            for (long address : ractorAddresses()) {
                try {
                    found.add(ractor(address));
                } catch (UnmappedAddressException e) {
                    notes.add("the ractor at 0x%x can't be read: %s".formatted(address, e.getMessage()));
                }
            }
        }
        return found;
    }

    /**
     * The threads that live.
     *
     * @return a new list, in the order of the virtual machine
     */
    public List<RubyThread> living() {
        notes.clear();
        List<RubyThread> found = new ArrayList<>();
        List<ThreadState> states = vm.target().threads();
        VmLayout vmLayout = RubyLayout.of(reader.series()).vm();
        if (vmLayout.livingThreads() >= 0) {
            long main = memory.readLong(vm.address() + vmLayout.mainThread(), 0);
            for (long address : list(vm.address() + vmLayout.livingThreads(), ThreadLayout.NODE, "the threads")) {
                add(found, address, main, states);
            }
            return found;
        }
        probe();
        for (long ractor : ractorAddresses()) {
            long main = memory.readLong(ractor + layout.ractorMain() + ractorShift, 0);
            for (long address : list(ractor + layout.ractorThreads(), ThreadLayout.NODE, "the threads of a ractor")) {
                if (memory.readLong(address + layout.ractor(), 0) == ractor) {
                    add(found, address, main, states);
                } else {
                    notes.add("0x%x in a list of threads is none".formatted(address));
                }
            }
        }
        return found;
    }

    private void add(List<RubyThread> found, long address, long main, List<ThreadState> states) {
        try {
            found.add(read(address, address == main, states));
        } catch (UnmappedAddressException e) {
            notes.add("the thread at 0x%x can't be read: %s".formatted(address, e.getMessage()));
        }
    }

    /**
     * A thread.
     *
     * @param address target address of an {@code rb_thread_t}, such as the data of an object of the type {@code
     *     VM/thread}
     * @return what is there
     * @throws UnmappedAddressException if it can't be read
     */
    public RubyThread thread(long address) {
        probe();
        long main = layout.ractor() < 0
                ? memory.readLong(
                        vm.address() + RubyLayout.of(reader.series()).vm().mainThread(), 0)
                : memory.readLong(memory.readLong(address + layout.ractor(), 0) + layout.ractorMain() + ractorShift, 0);
        return read(address, address == main, vm.target().threads());
    }

    /**
     * The main thread of the main ractor, or of 2.7's virtual machine.
     *
     * @return what is there
     * @throws UnmappedAddressException if it can't be read
     */
    public RubyThread main() {
        return thread(memory.readLong(
                vm.address() + RubyLayout.of(reader.series()).vm().mainThread()));
    }

    /**
     * How the last child that a thread waited for ended.
     *
     * @param thread a thread
     * @return the {@code VALUE} of {@code $?} there
     * @throws UnmappedAddressException if it can't be read
     */
    public long lastStatus(RubyThread thread) {
        ValueFields fields = RubyLayout.of(reader.edition()).mark().thread().values();
        return memory.readLong(thread.address() + fields.offset("last_status"));
    }

    private RubyThread read(long address, boolean main, List<ThreadState> states) {
        probe();
        long nativeThread = layout.nativeThread() < 0 ? address : memory.readLong(address + layout.nativeThread());
        long pthread = nativeThread == 0 ? 0 : memory.readLong(nativeThread + layout.threadId());
        int invoke = memory.readInt(address + layout.invokeType() + threadShift);
        long locking = memory.readLong(address + layout.lockingMutex() + threadShift);
        RubyThread.Status status = status(memory.readByte(address + layout.status() + threadShift));
        return new RubyThread(
                address,
                memory.readLong(address + ThreadLayout.SELF),
                layout.ractor() < 0 ? 0 : memory.readLong(address + layout.ractor()),
                memory.readLong(address + layout.ec()),
                status,
                interpreter.texts().of(memory.readLong(address + layout.name() + threadShift)),
                pthread,
                status == RubyThread.Status.DEAD ? 0 : tid(states, nativeThread, pthread),
                main,
                invoke == ThreadLayout.INVOKE_PROC || invoke == INVOKES_RACTOR_PROC
                        ? memory.readLong(address + layout.procedure() + threadShift)
                        : 0,
                memory.readLong(address + layout.thgroup() + threadShift),
                memory.readLong(address + layout.value() + threadShift),
                reader.isSlot(locking) ? locking : 0,
                memory.readLong(address + layout.rootFiber() + threadShift));
    }

    private RubyThread.Status status(int bits) {
        return switch (bits & 3) {
            case 0 -> (bits & layout.toKill()) != 0 ? RubyThread.Status.ABORTING : RubyThread.Status.RUN;
            case 1 -> RubyThread.Status.SLEEP;
            case 2 -> RubyThread.Status.SLEEP_FOREVER;
            default -> RubyThread.Status.DEAD;
        };
    }

    /**
     * The kernel's id of a native thread, as the target's threads are told. What Ruby keeps is the id that it had in
     * the process that forked this one, and both that and what libc keeps are of the process's own pid namespace.
     */
    private int tid(List<ThreadState> states, long nativeThread, long pthread) {
        Optional<ThreadState> running = byRegister(states, pthread);
        if (running.isPresent()) {
            return (int) running.get().tid();
        }
        int kept = layout.tid() < 0 || nativeThread == 0 ? 0 : memory.readInt(nativeThread + layout.tid());
        int own = ownTid(pthread);
        boolean inside = !states.isEmpty() && isInside(states.getFirst().tid());
        for (int tid : new int[] {own, kept}) {
            if (tid != 0 && states.isEmpty()) {
                return tid;
            }
            for (ThreadState state : states) {
                if (tid != 0 && tid == (inside ? vm.target().tidInside(state.tid()) : state.tid())) {
                    return (int) state.tid();
                }
            }
        }
        // The only thread of a process is known without its id.
        return states.size() == 1 && nativeThread != 0 && (own != 0 || kept != 0)
                ? (int) states.getFirst().tid()
                : 0;
    }

    /** Whether the process is in another pid namespace. */
    private boolean isInside(long tid) {
        return vm.target().tidInside(tid) != tid;
    }

    private static Optional<ThreadState> byRegister(List<ThreadState> states, long pthread) {
        return states.stream()
                .filter(state -> pthread != 0
                        && state.registers().isPresent()
                        && state.registers().get().threadPointer() == pthread)
                .findFirst();
    }

    /** The id that a native thread knows itself by, 0 if that can't be told. */
    private int ownTid(long pthread) {
        return ControlBlock.threadId(memory, Processor.of(vm.target().machine()), pthread);
    }

    /**
     * The process id as the process itself knows it, in a container other than from outside.
     *
     * @return what {@code $$} is there; 0 if it can't be told
     */
    public long ownPid() {
        long outside = vm.target().pid().orElse(0);
        if (isInside(outside)) {
            return vm.target().tidInside(outside);
        }
        List<ThreadState> states = vm.target().threads();
        for (ThreadState state : states) {
            if (state.tid() == outside && state.registers().isPresent()) {
                int own = ownTid(state.registers().get().threadPointer());
                return own == 0 ? outside : own;
            }
        }
        // Without registers, a main thread that has none of the ids of the threads has one of another namespace.
        int own = ownTid(main().pthread());
        return own == 0 || states.stream().anyMatch(state -> state.tid() == own) ? outside : own;
    }

    /**
     * The group that the threads of a program begin in, {@code ThreadGroup::Default}.
     *
     * @return target address of a ThreadGroup, 0 if it can't be told
     */
    public long defaultGroup() {
        long group = layout.ractorMain() < 0
                ? new MachineFields(reader).value("thgroup_default")
                : memory.readLong(ofMainRactor(layout.ractorMain() + ThreadLayout.RACTOR_GROUP), 0);
        return isA(GROUP, group) ? group : 0;
    }

    /**
     * A field of the main ractor behind those that tell of its threads, which patch releases have moved alike.
     *
     * @param offset where the layout of the version has it
     * @return target address of the field, 0 if there is no ractor
     */
    public long ofMainRactor(int offset) {
        if (layout.ractorMain() < 0) {
            return 0;
        }
        probe();
        long ractor = memory.readLong(
                vm.address() + RubyLayout.of(reader.series()).vm().mainRactor(), 0);
        return ractor == 0 ? 0 : ractor + offset + ractorShift;
    }

    /**
     * The native thread that runs a thread of Ruby.
     *
     * @param thread a thread of Ruby
     * @return the target's thread, by its thread register where registers are known, else by the kernel's id; empty
     *     where none runs it or none can be told
     */
    public Optional<ThreadState> nativeThread(RubyThread thread) {
        List<ThreadState> states = vm.target().threads();
        return byRegister(states, thread.pthread())
                .or(() -> states.stream()
                        .filter(state -> thread.tid() != 0 && state.tid() == thread.tid())
                        .findFirst());
    }

    /**
     * The variables of a fiber that {@code Thread#[]} gives for its thread.
     *
     * @param context target address of an execution context
     * @return a new list; a name may be that of a dynamic symbol
     * @throws UnmappedAddressException if they can't be read
     */
    public List<Local> fiberLocals(long context) {
        List<Local> found = new ArrayList<>();
        long table = memory.readLong(
                context + RubyLayout.of(reader.series()).context().localStorage());
        if (RubyLayout.of(reader.series()).context().localStorageById()) {
            IdEntries entries = new IdEntries(reader).over(table);
            while (entries.next()) {
                found.add(new Local(reader.symbols().ofSerial(entries.serial()), entries.value(), Optional.empty()));
            }
        } else {
            StEntries entries = new StEntries(reader).over(table);
            while (entries.next()) {
                found.add(new Local(reader.symbols().of(entries.key()), entries.record(), Optional.empty()));
            }
        }
        return found;
    }

    /**
     * A fiber.
     *
     * @param address target address of a {@code struct rb_fiber_struct}, such as the data of an object of the type
     *     {@code fiber}
     * @return what is there; empty if it is none, or not ready
     * @throws UnmappedAddressException if it can't be read
     */
    public Optional<Fiber> fiber(long address) {
        ContextLayout contexts = RubyLayout.of(reader.series()).context();
        long context = address + ContextLayout.FIBER_EC;
        if (address == 0 || memory.readLong(context + contexts.fiber()) != address) {
            return Optional.empty();
        }
        long self = memory.readLong(address + ContextLayout.FIBER_SELF);
        int shift = fiberShift(address);
        long procedure = memory.readLong(address + contexts.fiberProc() + shift);
        return Optional.of(new Fiber(
                address,
                reader.isSlot(self) ? self : 0,
                context,
                memory.readLong(context + contexts.thread()),
                Fiber.Status.values()[memory.readByte(address + contexts.fiberStatus() + shift) & 3],
                reader.isSlot(procedure) ? procedure : 0,
                memory.readLong(address + contexts.fiberPrevious() + shift)));
    }

    /**
     * Before the fields that only fibers have there is a {@code jmp_buf}, of five words, or of the C library's size
     * where the compiler's own {@code setjmp} could not be used. The block tells which it is, in a fiber that a thread
     * began as its state.
     */
    private int fiberShift(long address) {
        if (fiberShift >= 0) {
            return fiberShift;
        }
        ContextLayout contexts = RubyLayout.of(reader.series()).context();
        long procedure = address + contexts.fiberProc();
        if (isA(PROC, memory.readLong(procedure, 0))) {
            fiberShift = 0;
        } else if (isA(PROC, memory.readLong(procedure + ContextLayout.LIBC_JMP_BUF_SHIFT, 0))) {
            fiberShift = ContextLayout.LIBC_JMP_BUF_SHIFT;
        } else {
            return memory.readLong(address + contexts.fiberStatus(), 0) != 0 ? 0 : ContextLayout.LIBC_JMP_BUF_SHIFT;
        }
        return fiberShift;
    }

    private boolean isA(Optional<String> type, long address) {
        return interpreter.dataTypeOf(address).equals(type);
    }

    private Ractor ractor(long address) {
        probe();
        int status = memory.readInt(address + layout.ractorStatus() + ractorShift);
        Ractor.Status[] known = Ractor.Status.values();
        return new Ractor(
                address,
                memory.readLong(address + ThreadLayout.RACTOR_SELF),
                memory.readInt(address + layout.ractorId()),
                interpreter.texts().of(memory.readLong(address + layout.ractorName() + ractorShift)),
                known[status < 0 || status >= known.length ? known.length - 1 : status],
                address
                        == memory.readLong(
                                vm.address()
                                        + RubyLayout.of(reader.series()).vm().mainRactor(),
                                0));
    }

    private List<Long> ractorAddresses() {
        probe();
        return list(
                vm.address() + RubyLayout.of(reader.series()).vm().ractors(),
                layout.ractorNext() + ractorShift,
                "the ractors");
    }

    /**
     * Patch releases of 4.0 moved fields: where the main ractor has the main thread, and that thread its group, is
     * where the fields around them are too.
     */
    private void probe() {
        if (probed) {
            return;
        }
        probed = true;
        VmLayout vmLayout = RubyLayout.of(reader.series()).vm();
        long mainThread = memory.readLong(vm.address() + vmLayout.mainThread(), 0);
        if (layout.ractorMain() >= 0) {
            long mainRactor = memory.readLong(vm.address() + vmLayout.mainRactor(), 0);
            ractorShift = shift(mainRactor + layout.ractorMain(), mainThread, false);
        }
        threadShift = shift(mainThread + layout.thgroup(), 0, true);
        if (threadShift == 0 && !fits(mainThread + layout.thgroup(), 0, true)) {
            // A core without the names of types: both have moved by a word.
            threadShift = ractorShift;
        }
    }

    private int shift(long hint, long wanted, boolean group) {
        for (int distance = 0; distance <= REACH; distance += 8) {
            if (fits(hint + distance, wanted, group)) {
                return distance;
            }
            if (fits(hint - distance, wanted, group)) {
                return -distance;
            }
        }
        return 0;
    }

    private boolean fits(long at, long wanted, boolean group) {
        long value = memory.readLong(at, 0);
        return group ? isA(GROUP, value) : value != 0 && value == wanted;
    }

    /** The structures on a list of C, in order; what is wrong with the list is noted. */
    private List<Long> list(long head, int node, String what) {
        List<Long> found = new ArrayList<>();
        seen.clear();
        long before = head;
        long at = memory.readLong(head, 0);
        while (at != head) {
            if (at == 0
                    || found.size() == MOST
                    || !seen.add(at)
                    || memory.readLong(at + ListLayout.PREVIOUS, 0) != before) {
                notes.add("the list of %s is broken at 0x%x behind %d".formatted(what, at, found.size()));
                break;
            }
            found.add(at - node);
            before = at;
            at = memory.readLong(at, 0);
        }
        return found;
    }
}
