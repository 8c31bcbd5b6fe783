// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.core.CoreFacts;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.elf.ElfModules;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

/** A process as it was when it was copied. */
final class CopiedTarget implements Target {
    private final long pid;
    private final String description;
    private final Machine machine;
    private final int pageSize;
    private final AddressSpace memory;
    private final List<ThreadState> threads;
    private final List<ElfModule> modules;
    private final List<String> notices;
    private final CoreFacts facts;
    private final Arena open;
    private final Runnable closed;

    /**
     * Makes one.
     *
     * @param process what was copied
     * @param threads its threads
     * @param memory the copy
     * @param modules its modules
     * @param root the root folder of its file system, by a path that is good until the copy is closed
     * @param notices what is known to be missing
     * @param facts what a core has of it beside its memory
     * @param open what the memory is closed by
     * @param closed called when it is
     */
    CopiedTarget(
            LiveProcess process,
            List<ThreadState> threads,
            AddressSpace memory,
            List<ElfModule> modules,
            Path root,
            List<String> notices,
            CoreFacts facts,
            Arena open,
            Runnable closed) {
        this.pid = process.pid();
        this.description = process.description();
        this.machine = process.machine();
        this.pageSize = process.pageSize();
        this.memory = memory;
        this.threads = threads.stream()
                .map(thread -> new ThreadState(this, thread.tid(), thread.name(), thread.registers()))
                .toList();
        this.modules = ElfModules.in(modules, memory, root, machine, process);
        this.notices = notices;
        this.facts = facts;
        this.open = open;
        this.closed = closed;
    }

    @Override
    public Mode mode() {
        return Mode.COPY;
    }

    @Override
    public OptionalLong pid() {
        return OptionalLong.of(pid);
    }

    @Override
    public String description() {
        return description;
    }

    @Override
    public Machine machine() {
        return machine;
    }

    @Override
    public int pageSize() {
        return pageSize;
    }

    @Override
    public AddressSpace memory() {
        return memory;
    }

    @Override
    public List<ThreadState> threads() {
        return threads;
    }

    @Override
    public List<ElfModule> modules() {
        return modules;
    }

    @Override
    public List<String> notices() {
        return notices;
    }

    @Override
    public CoreFacts coreFacts() {
        return facts;
    }

    @Override
    public synchronized void close() {
        if (open.scope().isAlive()) {
            open.close();
            closed.run();
        }
    }
}
