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

    private LiveTarget(LiveProcess process, LiveMemory memory) {
        this.process = process;
        this.memory = memory;
    }

    /**
     * Stops a process.
     *
     * @param pid its id
     * @return the target
     */
    public static Target attach(long pid) {
        throw new UnsupportedOperationException("attach");
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
        LiveProcess process = new LiveProcess(proc, pid);
        process.identify();
        LiveMemory memory = new LiveMemory(libc, process, false);
        process.identify(memory);
        return new LiveTarget(process, memory);
    }

    @Override
    public Mode mode() {
        return Mode.OBSERVED;
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
        process.checkSame();
        return process.threads().stream()
                .map(tid -> new ThreadState(tid, process.threadName(tid), Optional.empty()))
                .toList();
    }

    @Override
    public List<ElfModule> modules() {
        return ElfModules.find(memory, process.root(), machine(), process.auxiliary());
    }

    @Override
    public void close() {
        memory.close();
    }
}
