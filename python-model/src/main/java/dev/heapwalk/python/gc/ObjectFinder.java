// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.gc;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.python.ObjectCursor;
import dev.heapwalk.python.ObjectPlace;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.object.PyObject;
import dev.heapwalk.python.owned.BufferKind;
import dev.heapwalk.python.owned.BufferSink;
import dev.heapwalk.python.owned.OwnedBuffers;
import java.util.Optional;

/** Finds the object that an address belongs to, in a walk over all objects. For one thread. */
public final class ObjectFinder {
    private final PythonRuntime runtime;
    private final ObjectReader reader;
    private final OwnedBuffers buffers;
    private long wanted;
    private long owned;
    private long start;
    private String buffer = "";

    /**
     * Makes a finder.
     *
     * @param runtime the runtime whose objects are looked for
     * @param reader what reads the objects
     */
    public ObjectFinder(PythonRuntime runtime, ObjectReader reader) {
        this.runtime = runtime;
        this.reader = reader;
        this.buffers = new OwnedBuffers(runtime, reader);
    }

    /**
     * Finds an object.
     *
     * @param address the target address of an object, or any address within one or within a buffer that it owns
     * @return the object; empty if there is none
     */
    public Optional<FoundObject> find(long address) {
        wanted = address;
        Heaps heaps = Heaps.of(runtime.target());
        // A buffer that looks like an object is a buffer.
        Optional<FoundObject> found = walk(heaps, this::exactly);
        if (found.isEmpty()) {
            found = walk(heaps, this::inBuffer);
        }
        if (found.isEmpty()) {
            found = walk(heaps, this::inObject);
        }
        return found.isEmpty() ? variable() : found;
    }

    private interface Question {
        boolean is(ObjectCursor object);
    }

    private Optional<FoundObject> walk(Heaps heaps, Question question) {
        buffer = "";
        try (ObjectCursor object = runtime.objects(heaps)) {
            while (object.next()) {
                if (question.is(object)) {
                    return Optional.of(found(object));
                }
            }
        }
        return Optional.empty();
    }

    private boolean exactly(ObjectCursor object) {
        return object.address() == wanted;
    }

    private boolean inBuffer(ObjectCursor object) {
        if (buffers.mayOwn(object.type())) {
            buffers.buffers(object.address(), object.type(), this::compare);
        }
        return !buffer.isEmpty();
    }

    private void compare(long address, long bytes, BufferKind kind) {
        if (wanted - address >= 0 && wanted - address < bytes && buffer.isEmpty()) {
            buffer = kind.label();
            start = address;
        }
    }

    private boolean inObject(ObjectCursor object) {
        long first = object.place() == ObjectPlace.MODULE ? object.address() : object.block();
        long size = object.place() == ObjectPlace.MODULE ? object.size() : object.blockSize();
        return wanted - first >= 0 && wanted - first < size;
    }

    private FoundObject found(ObjectCursor object) {
        boolean variable = object.place() == ObjectPlace.MODULE;
        return new FoundObject(
                object.address(),
                object.type(),
                object.size(),
                owned(object.address(), object.type()),
                object.refcnt(),
                object.immortal(),
                Optional.of(object.gcState()),
                variable ? 0 : object.block(),
                variable ? 0 : object.blockSize(),
                buffer,
                wanted - (buffer.isEmpty() ? object.address() : start));
    }

    private long owned(long object, long type) {
        owned = 0;
        if (buffers.mayOwn(type)) {
            BufferSink sum = (address, bytes, kind) -> owned += bytes;
            buffers.buffers(object, type, sum);
        }
        return owned;
    }

    /** An object that is a variable of the interpreter, such as None, is not among those that are walked. */
    private Optional<FoundObject> variable() {
        PyObject object = new PyObject(reader);
        if (!reader.find(wanted, object)
                || reader.memory().readLong(wanted + ObjectLayout.REFCNT, 0) == 0
                || runtime.variables().stream().noneMatch(range -> wanted >= range.start() && wanted < range.end())) {
            return Optional.empty();
        }
        return Optional.of(new FoundObject(
                wanted,
                object.type(),
                -1,
                owned(wanted, object.type()),
                object.refcnt(),
                object.immortal(),
                Optional.empty(),
                0,
                0,
                "",
                0));
    }
}
