// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.layout.ContextLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.object.ImemoType;
import java.util.ArrayList;
import java.util.List;

/** Reads the objects that stand for code: Procs, Bindings, Methods, and what threads wait for. For one thread. */
final class DataReader {
    /** {@code rb_proc_t}: block, and a word of bits. */
    private static final int PROC_FLAGS = 32;
    /** {@code rb_binding_t}: block, pathobj, first_lineno. */
    private static final int BINDING_PATH = 32;

    private static final int BINDING_LINE = 40;
    /** No Mutex has more waiting for it. */
    private static final int MOST_WAITING = 1 << 16;

    private final Interpreter interpreter;
    private final ObjectReader reader;
    private final RubyLayout layout;

    DataReader(Interpreter interpreter) {
        this.interpreter = interpreter;
        this.reader = interpreter.reader();
        this.layout = RubyLayout.of(reader.series());
    }

    Proc proc(long address) {
        long data = interpreter.data(address, "proc");
        if (data == 0) {
            return null;
        }
        int flags = reader.octet(data + PROC_FLAGS);
        Block block = block(data);
        return block == null ? null : new Proc(address, block, (flags & 2) != 0, (flags & 1) != 0, (flags & 4) != 0);
    }

    Binding binding(long address) {
        long data = interpreter.data(address, "binding");
        Block block = data == 0 ? null : block(data);
        if (block == null) {
            return null;
        }
        long pathobj = reader.word(data + BINDING_PATH);
        Texts texts = interpreter.texts();
        return new Binding(
                address,
                block,
                texts.of(texts.isArray(pathobj) ? texts.element(pathobj, 0) : pathobj),
                layout.since(3, 2) ? reader.half(data + BINDING_LINE) : reader.half(data + BINDING_LINE) & 0xffff);
    }

    /** {@code struct rb_block}: a union of three words, and the type. */
    private Block block(long data) {
        int number = reader.half(data + 24);
        Block.Kind[] kinds = Block.Kind.values();
        if (number < 0 || number >= kinds.length) {
            return null;
        }
        Block.Kind kind = kinds[number];
        long first = reader.word(data);
        return kind == Block.Kind.SYMBOL || kind == Block.Kind.PROC
                ? new Block(kind, 0, 0, first)
                : new Block(kind, first, reader.word(data + 8), reader.word(data + 16));
    }

    MethodObject method(long address) {
        long data = interpreter.data(address, "method");
        if (data == 0) {
            return null;
        }
        // struct METHOD: recv, klass, iclass, owner (since 3.2), me.
        boolean hasOwner = layout.since(3, 2);
        MethodEntry entry = interpreter.method(reader.word(data + (hasOwner ? 32 : 24)));
        return new MethodObject(
                address,
                reader.word(data),
                reader.word(data + 8),
                hasOwner ? reader.word(data + 24) : entry == null ? 0 : entry.owner(),
                entry);
    }

    Mutex mutex(long address) {
        long data = interpreter.data(address, "mutex");
        if (data == 0) {
            return null;
        }
        // rb_mutex_t: the thread (2.7), the fiber or its serial number (4.0); the thread (4.0, its object in later
        // releases of 3.4); next_mutex, waitq.
        long holder = reader.word(data);
        long waiting = isList(data + 16) ? data + 16 : data + 24;
        if (layout.since(4, 0)) {
            return new Mutex(address, holder == 0 ? 0 : reader.word(data + 8), 0, waiting(waiting));
        }
        boolean keepsFiber = layout.since(3, 0);
        long thread = holder == 0 || !keepsFiber
                ? holder
                : reader.word(holder + ContextLayout.FIBER_EC + layout.context().thread());
        return new Mutex(address, thread, keepsFiber ? holder : 0, waiting(waiting));
    }

    /** Whether a head of a list, with pointers to the first and the last on it, lies there. */
    private boolean isList(long head) {
        long first = reader.word(head);
        long last = reader.word(head + 8);
        return reader.find(first, 16) >= 0
                && reader.word(first + 8) == head
                && reader.find(last, 16) >= 0
                && reader.word(last) == head;
    }

    /**
     * {@code struct sync_waiter}: self (3.0), th, fiber (3.0), node. They lie on the machine stacks of those who wait.
     */
    private List<Long> waiting(long head) {
        int node = layout.since(3, 0) ? 24 : 8;
        int thread = layout.since(3, 0) ? 8 : 0;
        List<Long> found = new ArrayList<>();
        long before = head;
        for (long at = reader.word(head); at != head && at != 0 && found.size() < MOST_WAITING; at = reader.word(at)) {
            if (reader.word(at + 8) != before) {
                break;
            }
            found.add(reader.word(at - node + thread));
            before = at;
        }
        return found;
    }

    Env env(long address) {
        if (!interpreter.isImemo(address, ImemoType.ENV)) {
            return null;
        }
        long ep = reader.word(address + 16);
        long outer = interpreter.environments().outer(ep);
        return new Env(
                address,
                reader.word(address + 8),
                ep,
                reader.word(address + 24),
                reader.half(address + 32) & 0xffff_ffffL,
                outer == 0 ? 0 : interpreter.environments().object(outer));
    }
}
