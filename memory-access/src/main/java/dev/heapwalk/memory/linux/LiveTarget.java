// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.elf.ElfModules;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** A process. */
public final class LiveTarget implements Target {
    private final LiveProcess process;
    private final LiveMemory memory;
    private final Optional<Tracer> tracer;
    private List<ElfModule> modules;

    private LiveTarget(LiveProcess process, LiveMemory memory, Optional<Tracer> tracer) {
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
        return new LiveTarget(process, memory, tracer);
    }

    @Override
    public Mode mode() {
        return tracer.isPresent() ? Mode.STOPPED : Mode.OBSERVED;
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
        if (tracer.isPresent()) {
            return tracer.get().threads();
        }
        process.checkSame();
        return process.threads().stream()
                .map(tid -> new ThreadState(tid, process.threadName(tid), Optional.empty()))
                .toList();
    }

    @Override
    public synchronized List<ElfModule> modules() {
        if (modules == null || tracer.isEmpty()) {
            memory.refresh();
            List<ElfModule> known = modules == null ? List.of() : modules;
            modules = ElfModules.find(memory, process.root(), process.machine(), process.auxiliary()).stream()
                    .map(found -> known.stream()
                            .filter(module -> same(module, found))
                            .findFirst()
                            .orElse(found))
                    .toList();
        }
        return modules;
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
        // Memory first, so that another thread can't go on and read what is no longer still.
        memory.close();
        tracer.ifPresent(Tracer::close);
    }
}
