// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.frame;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonInterpreter;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.PythonThread;
import dev.heapwalk.python.object.PyDict;
import dev.heapwalk.python.object.PyLong;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** Tells the threads of all interpreters, with what the program and the system know of them. */
public final class Threads {
    /** How many threads are looked for by their names. */
    private static final int MOST_NAMED = 1 << 16;
    /** {@code svc #0} of aarch64. */
    private static final int SVC = 0xd4000001;

    private final PythonRuntime runtime;
    private final ObjectReader reader;
    private final Reader memory;
    private final Attributes attributes;

    /**
     * Prepares to look.
     *
     * @param runtime the runtime whose threads they are
     * @param reader what reads the objects, made by that runtime
     */
    public Threads(PythonRuntime runtime, ObjectReader reader) {
        this.runtime = runtime;
        this.reader = reader;
        this.memory = reader.memory();
        this.attributes = new Attributes(reader);
    }

    /**
     * Looks at all threads.
     *
     * @return those of the main interpreter first, and of each the one that was made first
     */
    public List<ThreadInfo> all() {
        List<ThreadInfo> found = new ArrayList<>();
        Target target = runtime.target();
        List<ThreadState> known = target.threads();
        InterpreterLock lock = new InterpreterLock(runtime, reader);
        for (PythonInterpreter interpreter : runtime.interpreters()) {
            OptionalLong holder = lock.holder(interpreter);
            Map<Long, Long> objects = objects(interpreter);
            for (PythonThread thread : interpreter.threads().reversed()) {
                Optional<ThreadState> system = system(target, known, thread);
                long object = objects.getOrDefault(thread.threadId(), 0L);
                found.add(new ThreadInfo(
                        interpreter, thread, system, object, name(object), activity(thread, holder, system)));
            }
        }
        return found;
    }

    /** The thread of the system: by its thread pointer or, where registers are not known, by its number. */
    private static Optional<ThreadState> system(Target target, List<ThreadState> known, PythonThread thread) {
        return known.stream()
                .filter(one -> one.registers()
                        .filter(at -> thread.threadId() != 0 && at.threadPointer() == thread.threadId())
                        .isPresent())
                .findFirst()
                .or(() -> known.stream()
                        .filter(one -> one.tid() == thread.nativeThreadId()
                                || target.tidInside(one.tid()) == thread.nativeThreadId())
                        .findFirst());
    }

    private ThreadInfo.Activity activity(PythonThread thread, OptionalLong holder, Optional<ThreadState> system) {
        Optional<Boolean> waits = system.flatMap(ThreadState::registers).flatMap(this::isInSystemCall);
        if (runtime.freeThreaded()) {
            return waits.map(is -> is ? ThreadInfo.Activity.IDLE : ThreadInfo.Activity.WITHOUT_LOCK)
                    .orElse(ThreadInfo.Activity.UNKNOWN);
        }
        if (holder.isPresent() && holder.getAsLong() == thread.address()) {
            return waits.map(is -> is ? ThreadInfo.Activity.BLOCKING : ThreadInfo.Activity.RUNNING)
                    .orElse(ThreadInfo.Activity.HOLDING);
        }
        return waits.map(is -> is ? ThreadInfo.Activity.IDLE : ThreadInfo.Activity.WITHOUT_LOCK)
                .orElse(holder.isPresent() ? ThreadInfo.Activity.NOT_HOLDING : ThreadInfo.Activity.UNKNOWN);
    }

    private Optional<Boolean> isInSystemCall(Registers registers) {
        OptionalLong call = registers.get("orig_rax");
        if (call.isPresent()) {
            return Optional.of((int) call.getAsLong() >= 0);
        }
        return runtime.target().machine() == Machine.AARCH64
                ? Optional.of(memory.readInt(registers.programCounter() - Integer.BYTES, 0) == SVC)
                : Optional.empty();
    }

    /** The objects of the module {@code threading}, by the {@code thread_id} of their threads. */
    private Map<Long, Long> objects(PythonInterpreter interpreter) {
        Map<Long, Long> objects = new HashMap<>();
        PyDict active = new PyDict(reader);
        PyLong ident = new PyLong(reader);
        if (reader.find(attributes.ofModule(interpreter.modules(), "threading", "_active"), active)) {
            while (objects.size() < MOST_NAMED && active.next()) {
                if (reader.find(active.key(), ident)) {
                    ident.value(3).map(BigInteger::longValue).ifPresent(id -> objects.put(id, active.value()));
                }
            }
        }
        return objects;
    }

    private Optional<String> name(long object) {
        if (object == 0) {
            return Optional.empty();
        }
        long name = attributes.get(object, "_name");
        String text = attributes.text(name == 0 ? attributes.get(object, "_Thread__name") : name);
        return text.isEmpty() ? Optional.empty() : Optional.of(text);
    }
}
