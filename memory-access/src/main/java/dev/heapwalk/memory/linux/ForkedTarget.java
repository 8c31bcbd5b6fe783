// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.TargetOptions;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.core.CoreFacts;
import dev.heapwalk.memory.core.ProcessNotes;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.elf.ElfModules;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;

/** A process as it was when it forked a copy, whose memory is read. */
final class ForkedTarget implements Target {
    private final Libc libc;
    private final LiveProcess process;
    private final Tracer tracer;
    private final ForkedProcess forked;
    private final Supplier<Duration> stopped;
    private final Runnable letGo;
    private final TargetOptions options;
    private final Mappings before;
    private final ProcessNotes.Process facts;
    private final List<ThreadState> threads;
    private volatile boolean closed;
    /** What is read; empty before it is asked for, which is not while the process stands still. */
    private volatile Optional<Copy> copy = Optional.empty();

    private volatile List<ElfModule> modules;
    private volatile List<String> notices = List.of();

    /** The copy as a process. */
    private record Copy(LiveProcess process, LiveMemory memory, Watch watch) {}

    /**
     * Takes a copy over.
     *
     * @param process whose copy it is
     * @param tracer holds the copy
     * @param forked the copy
     * @param before what the process had mapped
     * @param facts what a core tells of the process
     * @param options who is told if a read of the copy hangs
     * @param stopped tells for how long the process stood still to make it
     * @param letGo lets the process go if it still stands still
     */
    ForkedTarget(
            Libc libc,
            LiveProcess process,
            Tracer tracer,
            ForkedProcess forked,
            Mappings before,
            ProcessNotes.Process facts,
            TargetOptions options,
            Supplier<Duration> stopped,
            Runnable letGo) {
        this.libc = libc;
        this.stopped = stopped;
        this.letGo = letGo;
        this.process = process;
        this.tracer = tracer;
        this.forked = forked;
        this.before = before;
        this.facts = facts;
        this.options = options;
        this.threads = tracer.threads().stream()
                .map(thread -> new ThreadState(this, thread.tid(), thread.name(), thread.registers()))
                .toList();
    }

    private void lose(LiveMemory memory, TargetException why) {
        boolean early = !closed;
        memory.lose(why);
        closed = true;
        tracer.endCopy();
        if (early) {
            options.whenLost().accept(why);
        }
    }

    boolean isClosed() {
        return closed;
    }

    /** Looks at the copy for the first time. */
    private synchronized Copy copy() {
        if (copy.isEmpty()) {
            if (closed) {
                throw new IllegalStateException(
                        "the copy of %s is closed: it can't be read any more".formatted(process.description()));
            }
            LiveProcess twin = process.copied(forked.pid());
            AtomicReference<LiveMemory> read = new AtomicReference<>();
            Watch watch = new Watch(twin, options.withMaxStop(Duration.ZERO), why -> lose(read.get(), why));
            LiveMemory memory = new LiveMemory(libc, twin, watch);
            read.set(memory);
            twin.identify();
            memory.openCopy(new CopyGaps(twin, before), new LiveMemory(libc, process, watch));
            memory.standsStill();
            watch.start();
            copy = Optional.of(new Copy(twin, memory, watch));
        }
        return copy.get();
    }

    @Override
    public Mode mode() {
        return Mode.COPY;
    }

    @Override
    public Duration standstill() {
        return stopped.get().plusNanos(tracer.forgettingNanos());
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
        return copy.orElseGet(this::copy).memory();
    }

    @Override
    public List<ThreadState> threads() {
        return threads;
    }

    /** As the process tells it, whose threads run on. */
    @Override
    public long tidInside(long tid) {
        return process.tidInside(tid);
    }

    @Override
    public synchronized List<ElfModule> modules() {
        if (modules == null) {
            LiveProcess twin = copy().process();
            modules = List.copyOf(ElfModules.find(memory(), twin.root(), process.machine(), twin.auxiliary(), twin));
        }
        return modules;
    }

    @Override
    public Optional<ElfModule> moduleAt(long address) {
        return modules().stream().filter(module -> module.contains(address)).findFirst();
    }

    /** Of the process when it forked; but for a shared mapping, of which no copy has the pages, as it is now. */
    @Override
    public CoreFacts coreFacts() {
        Copy known = copy();
        LiveMemory memory = known.memory();
        memory.noteGaps();
        return memory.watched(progress -> ProcessFacts.of(known.process(), facts, progress))
                .with(threads, tracer.notes(), memory.mappings(), pageSize());
    }

    @Override
    public List<String> notices() {
        if (!closed && copy.isPresent()) {
            notices = copy.get().memory().notices();
        }
        return notices;
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            try {
                notices();
            } catch (TargetException e) {
                // The copy is dead.
            }
            closed = true;
            copy.ifPresent(known -> known.memory().close());
            letGo.run();
            tracer.endCopy();
            copy.ifPresent(known -> known.watch().close());
        }
    }
}
