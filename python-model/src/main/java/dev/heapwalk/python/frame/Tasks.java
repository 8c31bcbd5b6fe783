// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.frame;

import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.TaskLayout;
import dev.heapwalk.python.layout.TypeLayout;
import dev.heapwalk.python.object.PyList;
import dev.heapwalk.python.object.PyLong;
import dev.heapwalk.python.object.PyTuple;
import dev.heapwalk.python.object.TypeName;
import java.util.Optional;
import java.util.function.LongConsumer;

/**
 * Reads the tasks and futures of asyncio: those that C code made, those of Python code alone, and those of classes that
 * are derived from them. For one thread.
 */
public final class Tasks {
    private static final int DEEPEST = 64;
    private static final int MOST_CHILDREN = 1 << 20;
    private static final TypeName C_TASK = new TypeName("_asyncio", "Task");
    private static final TypeName C_FUTURE = new TypeName("_asyncio", "Future");
    private static final TypeName TASK = new TypeName("asyncio.tasks", "Task");
    private static final TypeName FUTURE = new TypeName("asyncio.futures", "Future");

    private final ObjectReader reader;
    private final Reader memory;
    private final TaskLayout layout;
    private final Attributes attributes;
    private final PyLong number;
    private final LongTable kinds = new LongTable();

    /** How a type keeps what a task has. */
    private enum Kind {
        NONE,
        TASK_IN_C,
        FUTURE_IN_C,
        TASK_IN_PYTHON,
        FUTURE_IN_PYTHON;

        boolean inC() {
            return this == TASK_IN_C || this == FUTURE_IN_C;
        }

        boolean task() {
            return this == TASK_IN_C || this == TASK_IN_PYTHON;
        }
    }

    private static final Kind[] KINDS = Kind.values();

    /**
     * Prepares to read.
     *
     * @param reader what reads the objects
     */
    public Tasks(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.layout = PythonLayout.of(reader.series(), reader.freeThreaded()).task();
        this.attributes = new Attributes(reader);
        this.number = new PyLong(reader);
    }

    /**
     * Whether the objects of a type are tasks.
     *
     * @param type target address of a {@code PyTypeObject}
     * @return whether they are
     */
    public boolean isTask(long type) {
        return kind(type).task();
    }

    private Kind kind(long type) {
        long known = kinds.get(type, -1);
        if (known < 0) {
            known = find(type).ordinal();
            kinds.put(type, known);
        }
        return KINDS[(int) known];
    }

    private Kind find(long type) {
        long base = type;
        for (int i = 0; i < DEEPEST && base != 0; i++) {
            TypeName name = reader.typeNames().of(base);
            Kind kind = name.equals(C_TASK)
                    ? Kind.TASK_IN_C
                    : name.equals(C_FUTURE)
                            ? Kind.FUTURE_IN_C
                            : name.equals(TASK)
                                    ? Kind.TASK_IN_PYTHON
                                    : name.equals(FUTURE) ? Kind.FUTURE_IN_PYTHON : Kind.NONE;
            if (kind != Kind.NONE) {
                return kind;
            }
            base = reader.field(base, TypeLayout.BASE);
        }
        return Kind.NONE;
    }

    /**
     * Reads a task or a future.
     *
     * @param address a target address, or anything
     * @return what it is; empty if it is neither
     */
    public Optional<Task> at(long address) {
        long type = reader.typeAt(address);
        Kind kind = type == 0 ? Kind.NONE : kind(type);
        if (kind == Kind.NONE) {
            return Optional.empty();
        }
        if (kind.inC()) {
            boolean task = kind.task();
            return Optional.of(new Task(
                    address,
                    task && layout.name() >= 0 ? name(reader.field(address, layout.name())) : "",
                    state(memory.readInt(reader.place(address, layout.state()), -1)),
                    task ? some(reader.field(address, layout.coroutine())) : 0,
                    task ? some(reader.field(address, layout.waiter())) : 0));
        }
        return Optional.of(new Task(
                address,
                name(attributes.get(address, "_name")),
                state(attributes.text(attributes.get(address, "_state"))),
                some(attributes.get(address, "_coro")),
                some(attributes.get(address, "_fut_waiter"))));
    }

    /** An object, if it is not {@code None}. */
    private long some(long address) {
        long type = address == 0 ? 0 : reader.typeAt(address);
        return type == 0 || reader.typeNames().of(type).qualname().equals("NoneType") ? 0 : address;
    }

    /** A name, which may not be made yet of its number. */
    private String name(long address) {
        return reader.find(address, number)
                ? number.value(2).map(value -> "Task-" + value).orElse("")
                : attributes.text(address);
    }

    private static Task.State state(int state) {
        return switch (state) {
            case TaskLayout.PENDING -> Task.State.PENDING;
            case TaskLayout.CANCELLED -> Task.State.CANCELLED;
            case TaskLayout.FINISHED -> Task.State.FINISHED;
            default -> Task.State.UNKNOWN;
        };
    }

    /** A state of Python code; one that has not changed is none of the instance's own. */
    private static Task.State state(String state) {
        return switch (state) {
            case "", "PENDING" -> Task.State.PENDING;
            case "CANCELLED" -> Task.State.CANCELLED;
            case "FINISHED" -> Task.State.FINISHED;
            default -> Task.State.UNKNOWN;
        };
    }

    /**
     * The tasks and futures that a future stands for which {@code asyncio.gather} made.
     *
     * @param address target address of a future
     * @param sink is given the target address of each
     */
    public void gathered(long address, LongConsumer sink) {
        long children = attributes.get(address, "_children");
        PyList list = new PyList(reader);
        PyTuple tuple = new PyTuple(reader);
        if (reader.find(children, list)) {
            for (long i = 0; i < Math.min(list.size(), MOST_CHILDREN); i++) {
                sink.accept(list.item(i));
            }
        } else if (reader.find(children, tuple)) {
            for (long i = 0; i < Math.min(tuple.size(), MOST_CHILDREN); i++) {
                sink.accept(tuple.item(i));
            }
        }
    }
}
