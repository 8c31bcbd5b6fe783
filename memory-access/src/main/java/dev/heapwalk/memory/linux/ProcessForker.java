// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.Copier;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.TargetOptions;
import dev.heapwalk.memory.core.ProcessNotes;
import dev.heapwalk.memory.machine.InjectedCall;
import dev.heapwalk.memory.machine.Processor;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Optional;

/** Has a process fork copies of itself, which the kernel makes without copying memory. */
final class ProcessForker implements Copier {
    private final Libc libc;
    private final LiveTarget target;
    private final LiveMemory memory;
    private final LiveProcess process;
    private final TargetOptions options;
    private Optional<ThreadCall> call = Optional.empty();
    /** Reads the registers that a core has besides the general ones. */
    private RegisterNotes reader;
    /** What a core tells of the process. */
    private ProcessNotes.Process facts;

    private Optional<TargetException> refusal = Optional.empty();
    private List<Long> dead = List.of();
    private Optional<ForkedTarget> made = Optional.empty();

    ProcessForker(Libc libc, LiveTarget target, LiveMemory memory, LiveProcess process, TargetOptions options) {
        this.libc = libc;
        this.target = target;
        this.memory = memory;
        this.process = process;
        this.options = options;
    }

    /** Does what need not wait until the process stands still; what stands in the way is told by {@link #copy()}. */
    synchronized void prepare() {
        try {
            Optional<String> obstacle = new ForkObstacles(process).first();
            if (obstacle.isPresent()) {
                throw refused(obstacle.get());
            }
            InjectedCall injected = CodeSearch.in(memory)
                    .orElseThrow(() -> refused("its code has no system call with a return behind it, or no"
                            + " rt_sigreturn, as the C library has"));
            ThreadCall maker = new ThreadCall(libc, process, injected);
            dead = process.deadCopies();
            maker.rehearse(libc.gettid(), memory.mappings());
            ForkedProcess.rehearse(libc);
            reader = new RegisterNotes(libc, Processor.of(process.machine()), Arena.ofAuto());
            reader.rehearse(libc.gettid());
            facts = process.facts();
            call = Optional.of(maker);
        } catch (TargetException e) {
            refusal = Optional.of(e);
        }
    }

    private TargetException refused(String why) {
        return new TargetException(
                TargetException.Reason.NOT_FORKED,
                "%s can't be made to fork a copy: %s; stop it instead".formatted(process.description(), why));
    }

    @Override
    public synchronized Optional<TargetException> refusal() {
        return refusal;
    }

    @Override
    public synchronized Target copy() {
        checkRefusal();
        if (made.isPresent() && !made.get().isClosed()) {
            throw new IllegalStateException("close the copy of %s before".formatted(process.description()));
        }
        Tracer tracer = target.tracer()
                .orElseThrow(() -> new IllegalStateException(
                        process.description() + " runs: it can be copied while a stop of this target holds it"));
        ForkedProcess forked = tracer.fork(call.orElseThrow(), reader, memory.mappings(), dead);
        ForkedTarget copy = new ForkedTarget(
                libc,
                process,
                tracer,
                forked,
                memory.mappings(),
                facts,
                options,
                target::standstill,
                () -> target.letGoOfStop(tracer));
        made = Optional.of(copy);
        return copy;
    }

    /** Stops the process, has it fork a copy, and lets it go, all by the thread that stops it. */
    Target forkAtOnce() {
        checkRefusal();
        memory.refresh();
        Tracer tracer = Tracer.fork(libc, process, call.orElseThrow(), reader, memory.mappings(), dead);
        return new ForkedTarget(
                libc, process, tracer, tracer.copy(), memory.mappings(), facts, options, tracer::standstill, () -> {});
    }

    private void checkRefusal() {
        if (refusal.isPresent()) {
            TargetException why = refusal.get();
            throw new TargetException(why.reason(), why.getMessage(), why);
        }
    }

    @Override
    public synchronized void close() {
        made.ifPresent(Target::close);
    }
}
