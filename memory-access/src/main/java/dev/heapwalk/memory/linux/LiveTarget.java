// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Target;
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

    private boolean closed;
    private List<ElfModule> modules;
    /** The holder during whose stop the modules were found. */
    private Optional<Tracer> modulesFoundIn = Optional.empty();
    /** The mappings that they were found among, before and after; null if these differed. */
    private Mappings modulesFoundAmong;

    private LiveTarget(Libc libc, LiveProcess process, LiveMemory memory, Optional<Tracer> tracer) {
        this.libc = libc;
        this.process = process;
        this.memory = memory;
        this.tracer = tracer;
    }

    /**
     * Stops a process.
     *
     * @param pid its id
     * @return the target
     */
    public static Target attach(long pid) {
        return attach(pid, FfmLibc.open(), ProcFs.ofThisMachine());
    }

    static Target attach(long pid, Libc libc, ProcFs proc) {
        LiveProcess process = new LiveProcess(proc, pid);
        process.checkStoppable();
        Tracer tracer = Tracer.stop(libc, process);
        try {
            return open(libc, process, Optional.of(tracer));
        } catch (Throwable e) {
            tracer.close();
            throw e;
        }
    }

    /**
     * Watches a process.
     *
     * @param pid its id
     * @return the target
     */
    public static Target observe(long pid) {
        return observe(pid, FfmLibc.open(), ProcFs.ofThisMachine());
    }

    static Target observe(long pid, Libc libc, ProcFs proc) {
        return open(libc, new LiveProcess(proc, pid), Optional.empty());
    }

    private static Target open(Libc libc, LiveProcess process, Optional<Tracer> tracer) {
        process.identify();
        LiveMemory memory = new LiveMemory(libc, process, tracer.isPresent());
        process.identify(memory);
        return new LiveTarget(libc, process, memory, tracer);
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
            throw new IllegalStateException(process.description() + " is closed: it can't be stopped any more");
        }
        if (holder.isPresent()) {
            throw new IllegalStateException(
                    process.description() + " is held by a stop of this target already: close that one first");
        }
        process.checkSame();
        process.checkStoppable();
        Tracer taken = Tracer.stop(libc, process);
        try {
            memory.refresh();
        } catch (Throwable e) {
            taken.close();
            throw e;
        }
        holder = Optional.of(taken);
        return () -> letGo(taken);
    }

    private synchronized void letGo(Tracer taken) {
        if (holder.filter(each -> each == taken).isPresent()) {
            holder = Optional.empty();
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
    public synchronized void close() {
        closed = true;
        // Memory first, so that another thread can't go on and read what is no longer still.
        memory.close();
        tracer.ifPresent(Tracer::close);
        holder.ifPresent(this::letGo);
    }
}
