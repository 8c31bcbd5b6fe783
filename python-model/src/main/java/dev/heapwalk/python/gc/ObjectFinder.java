// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.gc;

import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.python.GcState;
import dev.heapwalk.python.ObjectCursor;
import dev.heapwalk.python.ObjectPlace;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PymallocCursor;
import dev.heapwalk.python.PymallocPart;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.layout.TypeLayout;
import dev.heapwalk.python.object.PyObject;
import dev.heapwalk.python.owned.BufferKind;
import dev.heapwalk.python.owned.BufferSink;
import dev.heapwalk.python.owned.OwnedBuffers;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Finds the object that an address belongs to. One that is told by its own address is looked at there, and so is a
 * tracked one whose block the address lies in. Which object a buffer belongs to is known only when all were asked, and
 * what looks like an object that no list of the collector has may be a buffer. For one thread.
 */
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
        buffer = "";
        Heaps heaps = Heaps.of(runtime.target());
        Optional<FoundObject> found = runtime.isVariable(address) ? variable() : inBlock(heaps);
        return found.isEmpty() ? walk(heaps) : found;
    }

    /**
     * Finds the object that begins in a block, which is known to hold one.
     *
     * @param block the target address of a block in use, of this allocator or of another
     * @return the target address of the object, which may lie behind a head; empty if there is none
     */
    public OptionalLong objectIn(long block) {
        long object = new ObjectBlocks(runtime, reader).objectIn(block);
        return object == 0 ? OptionalLong.empty() : OptionalLong.of(object);
    }

    /** The block that the address lies in, where its heap has it in use. */
    private Optional<Block> block(Heaps heaps) {
        if (runtime.arenaAt(wanted) >= 0) {
            try (PymallocCursor parts = runtime.partFinder()) {
                return parts.find(wanted) && parts.part() == PymallocPart.USED_BLOCK
                        ? Optional.of(new Block(parts.address(), parts.size()))
                        : Optional.empty();
            }
        }
        for (Heap heap : heaps.allocators().findAll(Heap.class)) {
            try (BlockLookup lookup = heap.lookup()) {
                // Without the lock, blocks that have no tag are no objects.
                if (lookup.find(wanted)
                        && lookup.state() == BlockState.USED
                        && !(runtime.freeThreaded() && lookup.tag() == 0)) {
                    return Optional.of(new Block(lookup.address(), lookup.size()));
                }
            }
        }
        return Optional.empty();
    }

    private record Block(long address, long size) {}

    private Optional<FoundObject> inBlock(Heaps heaps) {
        Block block = block(heaps).orElse(null);
        if (block == null) {
            return Optional.empty();
        }
        long object = new ObjectBlocks(runtime, reader).objectIn(block.address);
        ObjectCursor found = object == 0 ? null : runtime.objectAt(object).orElse(null);
        if (found == null) {
            return Optional.empty();
        }
        try (found) {
            boolean listed = found.gcState() != GcState.NOT_COLLECTED && found.gcState() != GcState.UNTRACKED;
            return (object == wanted || listed) && found.size() <= block.size
                    ? Optional.of(found(found, block.address, block.size))
                    : Optional.empty();
        }
    }

    /** What owns a buffer comes before what looks like an object there. */
    private Optional<FoundObject> walk(Heaps heaps) {
        FoundObject around = null;
        try (ObjectCursor object = runtime.objects(heaps)) {
            while (object.next()) {
                if (isExactly(object) || isInBuffer(object)) {
                    return Optional.of(found(object));
                }
                if (around == null && isIn(object)) {
                    around = found(object);
                }
            }
        }
        return Optional.ofNullable(around);
    }

    private boolean isExactly(ObjectCursor object) {
        return object.address() == wanted;
    }

    private boolean isInBuffer(ObjectCursor object) {
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

    private boolean isIn(ObjectCursor object) {
        long first = object.place() == ObjectPlace.MODULE ? object.address() : object.block();
        long size = object.place() == ObjectPlace.MODULE ? object.size() : object.blockSize();
        return wanted - first >= 0 && wanted - first < size;
    }

    private FoundObject found(ObjectCursor object) {
        boolean variable = object.place() == ObjectPlace.MODULE;
        return found(object, variable ? 0 : object.block(), variable ? 0 : object.blockSize());
    }

    private FoundObject found(ObjectCursor object, long block, long blockSize) {
        return new FoundObject(
                object.address(),
                object.type(),
                object.size(),
                owned(object.address(), object.type()),
                object.refcnt(),
                object.immortal(),
                Optional.of(object.gcState()),
                block,
                blockSize,
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

    /** A type, or an object of the interpreter such as None, which is not among those that are walked. */
    private Optional<FoundObject> variable() {
        ObjectCursor found = runtime.objectAt(wanted).orElse(null);
        if (found != null) {
            try (found) {
                if (isType(found)) {
                    return Optional.of(found(found, 0, 0));
                }
            }
        }
        PyObject object = new PyObject(reader);
        if (!reader.find(wanted, object) || object.refcnt() == 0 && !object.immortal()) {
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

    private boolean isType(ObjectCursor object) {
        return (reader.flags(object.type()) & TypeLayout.TYPE_SUBCLASS) != 0;
    }
}
