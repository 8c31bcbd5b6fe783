// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.layout.ContextLayout;
import dev.heapwalk.ruby.layout.CoreLayout;
import dev.heapwalk.ruby.layout.DataLayout;
import dev.heapwalk.ruby.layout.ImemoLayout;
import dev.heapwalk.ruby.layout.ListLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.object.ImemoType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads the objects that stand for code: Procs, Bindings, Methods, and what threads wait for. For one thread. */
final class DataReader {
    /** No Mutex has more waiting for it. */
    private static final int MOST_WAITING = 1 << 16;

    private final Interpreter interpreter;
    private final ObjectReader reader;
    private final Reader memory;
    private final RubyLayout layout;

    DataReader(Interpreter interpreter) {
        this.interpreter = interpreter;
        this.reader = interpreter.reader();
        this.memory = reader.memory();
        this.layout = RubyLayout.of(reader.series());
    }

    Optional<Proc> proc(long address) {
        long data = interpreter.data(address, "proc");
        if (data == 0) {
            return Optional.empty();
        }
        int flags = memory.readByte(data + DataLayout.PROC_FLAGS);
        return block(data).map(block -> new Proc(address, block, (flags & 2) != 0, (flags & 1) != 0, (flags & 4) != 0));
    }

    Optional<Binding> binding(long address) {
        long data = interpreter.data(address, "binding");
        Optional<Block> block = data == 0 ? Optional.empty() : block(data);
        if (block.isEmpty()) {
            return Optional.empty();
        }
        long pathobj = memory.readLong(data + DataLayout.BINDING_PATH);
        int line = memory.readInt(data + DataLayout.BINDING_LINE);
        Texts texts = interpreter.texts();
        return Optional.of(new Binding(
                address,
                block.get(),
                texts.of(texts.isArray(pathobj) ? texts.element(pathobj, 0) : pathobj),
                layout.data().bindingLineShort() ? line & 0xffff : line));
    }

    /** {@code struct rb_block}: a union of three words, and the type. */
    private Optional<Block> block(long data) {
        int number = memory.readInt(data + DataLayout.BLOCK_TYPE);
        Block.Kind[] kinds = Block.Kind.values();
        if (number < 0 || number >= kinds.length) {
            return Optional.empty();
        }
        Block.Kind kind = kinds[number];
        long first = memory.readLong(data + DataLayout.BLOCK_SELF);
        return Optional.of(
                kind == Block.Kind.SYMBOL || kind == Block.Kind.PROC
                        ? new Block(kind, 0, 0, first)
                        : new Block(
                                kind,
                                first,
                                memory.readLong(data + DataLayout.BLOCK_EP),
                                memory.readLong(data + DataLayout.BLOCK_CODE)));
    }

    Optional<MethodObject> method(long address) {
        long data = interpreter.data(address, "method");
        if (data == 0) {
            return Optional.empty();
        }
        int owner = layout.data().methodOwner();
        Optional<MethodEntry> entry =
                interpreter.method(memory.readLong(data + layout.data().methodEntry()));
        return Optional.of(new MethodObject(
                address,
                memory.readLong(data + DataLayout.METHOD_RECEIVER),
                memory.readLong(data + DataLayout.METHOD_CLASS),
                owner >= 0
                        ? memory.readLong(data + owner)
                        : entry.map(MethodEntry::owner).orElse(0L),
                entry));
    }

    Optional<Mutex> mutex(long address) {
        long data = interpreter.data(address, "mutex");
        if (data == 0) {
            return Optional.empty();
        }
        // rb_mutex_t: what holds it; the thread (4.0, its object in later releases of 3.4); next_mutex, waitq.
        long holder = memory.readLong(data);
        long waitq = data + DataLayout.MUTEX_WAITING;
        List<Long> waiting = waiting(isList(waitq) ? waitq : waitq + Long.BYTES);
        Mutex mutex = switch (layout.data().mutexHolder()) {
            case THREAD -> new Mutex(address, holder, 0, waiting);
            case FIBER ->
                new Mutex(
                        address,
                        holder == 0
                                ? 0
                                : memory.readLong(holder
                                        + ContextLayout.FIBER_EC
                                        + layout.context().thread()),
                        holder,
                        waiting);
            case SERIAL ->
                new Mutex(address, holder == 0 ? 0 : memory.readLong(data + DataLayout.MUTEX_THREAD), 0, waiting);
        };
        return Optional.of(mutex);
    }

    Optional<Queue> queue(long address) {
        String type = interpreter.dataTypeOf(address).orElse("");
        boolean sized = type.equals("sized_queue") || type.equals("Thread::SizedQueue");
        if (!sized && !type.equals("queue") && !type.equals("Thread::Queue")) {
            return Optional.empty();
        }
        long data = interpreter.data(address, type);
        long items = data == 0 ? 0 : memory.readLong(data + CoreLayout.QUEUE_ITEMS);
        if (!interpreter.is(items, RubyType.ARRAY)) {
            return Optional.empty();
        }
        boolean closed = (memory.readLong(address) & CoreLayout.QUEUE_CLOSED) != 0;
        List<Long> waiting = waiting(data + CoreLayout.QUEUE_WAITING);
        if (!sized) {
            return Optional.of(new Queue(address, items, closed, Queue.UNLIMITED, waiting, List.of()));
        }
        long packed = data + CoreLayout.QUEUE_PUSHING;
        long pushing = isList(packed) ? packed : packed + Long.BYTES;
        return Optional.of(new Queue(
                address, items, closed, memory.readLong(pushing + CoreLayout.QUEUE_MAX), waiting, waiting(pushing)));
    }

    Optional<Monitor> monitor(long address) {
        long data = interpreter.data(address, "monitor");
        if (data == 0) {
            return Optional.empty();
        }
        long count = memory.readLong(data + CoreLayout.MONITOR_COUNT);
        long owner = memory.readLong(data + CoreLayout.MONITOR_OWNER);
        long mutex = memory.readLong(data + CoreLayout.MONITOR_MUTEX);
        return mutex(mutex).map(lock -> new Monitor(address, reader.isSlot(owner) ? owner : 0, lock, count));
    }

    /** Whether a head of a list, with pointers to the first and the last on it, lies there. */
    private boolean isList(long head) {
        long first = memory.readLong(head);
        long last = memory.readLong(head + ListLayout.PREVIOUS);
        return memory.find(first, ListLayout.SIZE) >= 0
                && memory.readLong(first + ListLayout.PREVIOUS) == head
                && memory.find(last, ListLayout.SIZE) >= 0
                && memory.readLong(last) == head;
    }

    /**
     * {@code struct sync_waiter}: self (3.0), th, fiber (3.0), node. They lie on the machine stacks of those who wait.
     */
    private List<Long> waiting(long head) {
        int node = layout.data().waiterNode();
        int thread = layout.data().waiterThread();
        List<Long> found = new ArrayList<>();
        long before = head;
        for (long at = memory.readLong(head);
                at != head && at != 0 && found.size() < MOST_WAITING;
                at = memory.readLong(at)) {
            if (memory.readLong(at + ListLayout.PREVIOUS) != before) {
                break;
            }
            found.add(memory.readLong(at - node + thread));
            before = at;
        }
        return found;
    }

    Optional<Env> env(long address) {
        if (!interpreter.isImemo(address, ImemoType.ENV)) {
            return Optional.empty();
        }
        long ep = memory.readLong(address + ImemoLayout.ENV_EP);
        long outer = interpreter.environments().outer(ep);
        return Optional.of(new Env(
                address,
                memory.readLong(address + ImemoLayout.ENV_ISEQ),
                ep,
                memory.readLong(address + ImemoLayout.ENV_VALUES),
                memory.readInt(address + ImemoLayout.ENV_SIZE) & 0xffff_ffffL,
                outer == 0 ? 0 : interpreter.environments().object(outer)));
    }
}
