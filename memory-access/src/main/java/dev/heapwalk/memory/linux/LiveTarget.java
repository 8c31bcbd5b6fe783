// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.TargetOptions;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.elf.ElfModules;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** A process. */
public final class LiveTarget implements Target {
    private final Libc libc;
    private final LiveProcess process;
    private final LiveMemory memory;
    /** What keeps it stopped as long as the target is open. */
    private final Optional<Tracer> tracer;
    /** What keeps an observed process stopped for a while. */
    private volatile Optional<Tracer> holder = Optional.empty();

    private final Watch watch;
    private volatile boolean closed;
    private List<ElfModule> modules;
    /** The holder during whose stop the modules were found. */
    private Optional<Tracer> modulesFoundIn = Optional.empty();
    /** The mappings that they were found among, before and after; null if these differed. */
    private Mappings modulesFoundAmong;

    private LiveTarget(Libc libc, LiveProcess process, Optional<Tracer> tracer, TargetOptions options) {
        this.libc = libc;
        this.process = process;
        this.tracer = tracer;
        this.watch = new Watch(process, options, why -> {
            boolean early = !closed;
            lose(why);
            if (early) {
                options.whenLost().accept(why);
            }
        });
        this.memory = new LiveMemory(libc, process, tracer.isPresent(), watch);
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
        long begin = System.nanoTime();
        Tracer tracer = Tracer.stop(libc, process);
        try {
            LiveTarget target = new LiveTarget(libc, process, Optional.of(tracer), options);
            target.watch.stopped(begin);
            return target.open();
        } catch (Throwable e) {
            tracer.close();
            throw e;
        }
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
        return new LiveTarget(libc, new LiveProcess(proc, pid), Optional.empty(), options).open();
    }

    /** Looks at the process for the first time. */
    private Target open() {
        watch.start();
        try {
            process.identify();
            memory.open();
            process.identify(memory);
            return this;
        } catch (Throwable e) {
            memory.close();
            watch.close();
            throw e;
        }
    }

    /** Lets the process go early. Takes no lock: a read that hangs may hold it. */
    private void lose(TargetException why) {
        // Memory first, so that nobody reads what is no longer still.
        memory.lose(why);
        closed = true;
        tracer.ifPresent(Tracer::close);
        holder.ifPresent(Tracer::close);
    }

    @Override
    public Mode mode() {
        return tracer.isPresent() ? Mode.STOPPED : Mode.OBSERVED;
    }

    @Override
    public boolean still() {
        return tracer.isPresent() || holder.isPresent();
    }

    @Override
    public synchronized Stop stop() {
        if (tracer.isPresent()) {
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
        long begin = System.nanoTime();
        Tracer taken = Tracer.stop(libc, process);
        // From now on whoever closes the target lets go of it, at whatever moment.
        holder = Optional.of(taken);
        watch.stopped(begin);
        try {
            memory.refresh();
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
            watch.resumed();
            taken.close();
        }
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
            return stopped.get().threads().stream()
                    .map(thread -> new ThreadState(this, thread.tid(), thread.name(), thread.registers()))
                    .toList();
        }
        process.checkSame();
        return process.threads().stream()
                .map(tid -> new ThreadState(this, tid, process.threadName(tid), Optional.empty()))
                .toList();
    }

    @Override
    public synchronized List<ElfModule> modules() {
        if (modules == null || tracer.isEmpty() && (holder.isEmpty() || !holder.equals(modulesFoundIn))) {
            memory.refresh();
            modulesFoundIn = holder;
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
        return ElfModules.find(memory, process.root(), process.machine(), process.auxiliary()).stream()
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
    public void close() {
        closed = true;
        // Memory first, so that another thread can't go on and read what is no longer still.
        memory.close();
        tracer.ifPresent(Tracer::close);
        holder.ifPresent(Tracer::close);
        watch.close();
    }
}
