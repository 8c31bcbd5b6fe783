// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Copier;
import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.TargetOptions;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.core.CoreFacts;
import dev.heapwalk.memory.core.CoreNote;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.elf.ElfModules;
import dev.heapwalk.memory.machine.Processor;
import java.lang.foreign.Arena;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Collectors;

/** A process. */
public final class LiveTarget implements Target {
    private final Libc libc;
    private final LiveProcess process;
    private final LiveMemory memory;
    private final boolean attached;
    private final TargetOptions options;
    /** What keeps an attached process stopped until the target is closed; empty before it is stopped. */
    private volatile Optional<Tracer> tracer = Optional.empty();
    /** What keeps an observed process stopped for a while. */
    private volatile Optional<Tracer> holder = Optional.empty();
    /** How often it was stopped, and went on for a moment. */
    private volatile long stops;

    private final Watch watch;
    private final Standstill standstill = new Standstill();
    private volatile boolean closed;
    private List<ElfModule> modules;
    /** What kept the process stopped when the modules were found. */
    private Optional<Tracer> modulesFoundIn = Optional.empty();
    /** The mappings that they were found among, before and after; null if these differed. */
    private Mappings modulesFoundAmong;

    private LiveTarget(Libc libc, LiveProcess process, boolean attached, TargetOptions options) {
        this.libc = libc;
        this.process = process;
        this.attached = attached;
        this.options = options;
        this.watch = new Watch(process, options, why -> {
            boolean early = !closed;
            lose(why);
            if (early) {
                options.whenLost().accept(why);
            }
        });
        this.memory = new LiveMemory(libc, process, watch);
    }

    /** Loads what the first target needs. */
    public static void prepare() {
        LiveMemory.prepare(FfmLibc.open(), (int) ProcessHandle.current().pid());
    }

    /**
     * Stops a process.
     *
     * @param pid its id
     * @param options how long it may be stopped
     * @return the target
     */
    public static Target attach(long pid, TargetOptions options) {
        return attach(pid, options, FfmLibc.open(), ProcFs.ofThisMachine());
    }

    static Target attach(long pid, Libc libc, ProcFs proc) {
        return attach(pid, TargetOptions.DEFAULT, libc, proc);
    }

    static Target attach(long pid, TargetOptions options, Libc libc, ProcFs proc) {
        LiveProcess process = new LiveProcess(proc, pid);
        process.checkStoppable();
        LiveTarget target = new LiveTarget(libc, process, true, options);
        target.watch.start();
        try {
            boolean known = target.lookBefore();
            target.stopForGood(known);
            return target;
        } catch (Throwable e) {
            target.close();
            throw e;
        }
    }

    /**
     * Finds out what the process is made of while it runs on, so that it need not stand still for that.
     *
     * @return whether that came off; if not, the reason will be found, and told, once it stands still
     */
    private boolean lookBefore() {
        try {
            look();
            modules();
            return true;
        } catch (TargetException e) {
            memory.checkNotLost();
            return false;
        }
    }

    private void stopForGood(boolean known) {
        Tracer taken = Tracer.stop(libc, process);
        tracer = Optional.of(taken);
        standstill.begins(taken.since());
        watch.stopped(taken.since());
        stops++;
        if (known) {
            memory.refresh();
            memory.standsStill();
            // It may have become another program meanwhile.
            process.identify();
            process.identify(memory);
        } else {
            memory.standsStill();
            look();
        }
        // If it was let go while it was being stopped, nobody has let go of it since.
        memory.checkNotLost();
    }

    /**
     * Watches a process.
     *
     * @param pid its id
     * @param options how long it may be stopped
     * @return the target
     */
    public static Target observe(long pid, TargetOptions options) {
        return observe(pid, options, FfmLibc.open(), ProcFs.ofThisMachine());
    }

    static Target observe(long pid, Libc libc, ProcFs proc) {
        return observe(pid, TargetOptions.DEFAULT, libc, proc);
    }

    static Target observe(long pid, TargetOptions options, Libc libc, ProcFs proc) {
        return observed(pid, options, libc, proc);
    }

    private static LiveTarget observed(long pid, TargetOptions options, Libc libc, ProcFs proc) {
        LiveTarget target = new LiveTarget(libc, new LiveProcess(proc, pid), false, options);
        target.watch.start();
        try {
            target.look();
            return target;
        } catch (Throwable e) {
            target.close();
            throw e;
        }
    }

    /**
     * Has a process fork a copy, which is read.
     *
     * @param pid its id
     * @param options how long it may be stopped
     * @return the copy
     */
    public static Target fork(long pid, TargetOptions options) {
        return fork(pid, options, FfmLibc.open(), ProcFs.ofThisMachine());
    }

    static Target fork(long pid, TargetOptions options, Libc libc, ProcFs proc) {
        try (LiveTarget target = observed(pid, options, libc, proc)) {
            target.process.checkStoppable();
            return target.processForker().forkAtOnce();
        }
    }

    /** Looks at the process for the first time. */
    private void look() {
        process.identify();
        memory.open();
        process.identify(memory);
    }

    /** Lets the process go early. Takes no lock: a read that hangs may hold it. */
    private void lose(TargetException why) {
        // Memory first, so that nobody reads what is no longer still.
        memory.lose(why);
        closed = true;
        letGo();
    }

    private void letGo() {
        tracer.ifPresent(Tracer::close);
        holder.ifPresent(Tracer::close);
        standstill.ends();
    }

    @Override
    public Mode mode() {
        return attached ? Mode.STOPPED : Mode.OBSERVED;
    }

    @Override
    public long moment() {
        return tracer.isPresent() || holder.isPresent() ? stops : 0;
    }

    @Override
    public synchronized Stop stop() {
        if (attached) {
            return () -> {};
        }
        if (closed) {
            memory.checkNotLost();
            throw new IllegalStateException(process.description() + " is closed: it can't be stopped any more");
        }
        if (holder.isPresent()) {
            throw new IllegalStateException(
                    process.description() + " is held by a stop of this target already: close that one first");
        }
        process.checkSame();
        process.checkStoppable();
        Tracer taken = Tracer.stop(libc, process);
        stops++;
        // From now on whoever closes the target lets go of it, at whatever moment.
        holder = Optional.of(taken);
        standstill.begins(taken.since());
        watch.stopped(taken.since());
        try {
            Mappings before = memory.mappings();
            memory.refresh();
            memory.standsStill();
            if (memory.mappings() != before) {
                // It may have become another program meanwhile.
                process.identify();
                process.identify(memory);
            }
        } catch (Throwable e) {
            letGo(taken);
            throw e;
        }
        if (closed) {
            letGo(taken);
        }
        return () -> letGo(taken);
    }

    private synchronized void letGo(Tracer taken) {
        if (holder.filter(each -> each == taken).isPresent()) {
            holder = Optional.empty();
            memory.runsOn();
            watch.resumed();
            taken.close();
            standstill.ends();
        }
    }

    @Override
    public boolean settle(Rest rest) {
        Optional<Tracer> stopped = tracer.or(() -> holder);
        if (stopped.isEmpty()) {
            return false;
        }
        Tracer keeper = stopped.get();
        List<Tracer.StoppedThread> before = keeper.threads();
        try {
            boolean settled = keeper.settle(threads ->
                    rest.busy(states(threads)).stream().map(ThreadState::tid).collect(Collectors.toSet()));
            if (keeper.threads() != before) {
                wentOn();
            }
            return settled && rest.tells();
        } catch (Throwable e) {
            memory.checkNotLost();
            close();
            throw e;
        }
    }

    /** What was known of it before need not be so any more. */
    private synchronized void wentOn() {
        stops++;
        Mappings before = memory.mappings();
        memory.runsOn();
        memory.refresh();
        memory.standsStill();
        modulesFoundIn = Optional.empty();
        if (memory.mappings() != before) {
            // It may have become another program meanwhile.
            process.identify();
            process.identify(memory);
        }
    }

    private List<ThreadState> states(List<Tracer.StoppedThread> threads) {
        return threads.stream()
                .map(thread -> new ThreadState(this, thread.tid(), thread.name(), thread.registers()))
                .toList();
    }

    @Override
    public Copier copier(long most) {
        ProcessCopier copier = new ProcessCopier(libc, this, memory, process, most);
        copier.prepare();
        return copier;
    }

    @Override
    public Copier forker() {
        return processForker();
    }

    private ProcessForker processForker() {
        ProcessForker forker = new ProcessForker(libc, this, memory, process, options);
        forker.prepare();
        return forker;
    }

    /** What keeps it stopped, if anything does. */
    Optional<Tracer> tracer() {
        return tracer.or(() -> holder);
    }

    /** Lets the process go on, if it is still stopped by a tracer. */
    void letGoOfStop(Tracer stopped) {
        if (tracer.filter(each -> each == stopped).isPresent()) {
            close();
        } else {
            letGo(stopped);
        }
    }

    @Override
    public Duration standstill() {
        return standstill.length();
    }

    @Override
    public OptionalLong pid() {
        return OptionalLong.of(process.pid());
    }

    @Override
    public String description() {
        return process.description();
    }

    @Override
    public Machine machine() {
        return process.machine();
    }

    @Override
    public int pageSize() {
        return process.pageSize();
    }

    @Override
    public AddressSpace memory() {
        return memory;
    }

    @Override
    public List<ThreadState> threads() {
        Optional<Tracer> stopped = tracer.or(() -> holder);
        if (stopped.isPresent()) {
            return states(stopped.get().threads());
        }
        process.checkSame();
        return process.threads().stream()
                .map(tid -> new ThreadState(this, tid, process.threadName(tid), Optional.empty()))
                .toList();
    }

    @Override
    public long tidInside(long tid) {
        return process.tidInside(tid);
    }

    @Override
    public synchronized List<ElfModule> modules() {
        Optional<Tracer> stopped = tracer.or(() -> holder);
        if (modules == null || stopped.isEmpty() || !stopped.equals(modulesFoundIn)) {
            memory.refresh();
            modulesFoundIn = stopped;
            Mappings among = memory.mappings();
            // The text that these are parsed from names each file's inode: what is the same there is the same module.
            if (modules == null || among != modulesFoundAmong) {
                modules = findModules(modules == null ? List.of() : modules);
                memory.refresh();
                modulesFoundAmong = memory.mappings() == among ? among : null;
            }
        }
        return modules;
    }

    private List<ElfModule> findModules(List<ElfModule> known) {
        return ElfModules.find(memory, process.root(), process.machine(), process.auxiliary(), process).stream()
                .map(found -> known.stream()
                        .filter(module -> same(module, found))
                        .findFirst()
                        .orElse(found))
                .toList();
    }

    @Override
    public synchronized Optional<ElfModule> moduleAt(long address) {
        Optional<ElfModule> known = in(modules == null ? List.of() : modules, address);
        return known.isPresent() ? known : in(modules(), address);
    }

    private static Optional<ElfModule> in(List<ElfModule> modules, long address) {
        return modules.stream().filter(module -> module.contains(address)).findFirst();
    }

    /** Whether a module is one that was found before, whose symbols need not be read again. */
    private static boolean same(ElfModule one, ElfModule other) {
        return one.bias() == other.bias()
                && one.path().equals(other.path())
                && one.buildId().equals(other.buildId())
                && one.mappings().equals(other.mappings());
    }

    @Override
    public CoreFacts coreFacts() {
        return processFacts().with(threads(), registerNotes(), memory.mappings(), pageSize());
    }

    /** What {@code /proc} tells for a core. */
    ProcessFacts processFacts() {
        return memory.watched(progress -> ProcessFacts.of(process, progress));
    }

    /** The registers of each thread that {@link #threads()} does not tell; none of a process that runs. */
    Map<Long, List<CoreNote>> registerNotes() {
        Map<Long, List<CoreNote>> notes = new HashMap<>();
        tracer.or(() -> holder).ifPresent(keeper -> {
            try (Arena arena = Arena.ofShared()) {
                RegisterNotes reader = new RegisterNotes(libc, Processor.of(process.machine()), arena);
                // Only the tracer thread may ask for them, and it asks this whether a thread has to go on.
                keeper.settle(threads -> {
                    threads.forEach(thread -> notes.put(thread.tid(), reader.of(thread.tid())));
                    return Set.of();
                });
            }
        });
        return notes;
    }

    @Override
    public List<String> notices() {
        return memory.notices();
    }

    @Override
    public void close() {
        closed = true;
        // Memory first, so that another thread can't go on and read what is no longer still.
        memory.close();
        letGo();
        watch.close();
    }
}
