// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.layout.ContextLayout;
import dev.heapwalk.ruby.layout.DataLayout;
import dev.heapwalk.ruby.layout.EnvFlags;
import dev.heapwalk.ruby.layout.ImemoLayout;
import dev.heapwalk.ruby.layout.MarkLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.ThreadLayout;
import dev.heapwalk.ruby.object.FiberFields;
import dev.heapwalk.ruby.table.StEntries;
import java.lang.foreign.MemorySegment;

/** The references of what runs: execution contexts with their stacks, fibers, threads and ractors. */
final class ContextReferences {
    private final ObjectReader reader;
    private final Reader memory;
    private final Marking mark;
    private final ContextLayout context;
    private final ThreadLayout thread;
    private final MarkLayout marked;
    private final MarkLayout.Ractor ractor;
    private final DataLayout data;
    private final FiberFields fields;

    private long current;

    ContextReferences(Marking mark) {
        this.mark = mark;
        this.reader = mark.reader();
        this.memory = reader.memory();
        this.context = RubyLayout.of(reader.series()).context();
        this.thread = RubyLayout.of(reader.series()).thread();
        this.marked = RubyLayout.of(reader.series()).mark();
        this.ractor = marked.ractor();
        this.data = RubyLayout.of(reader.series()).data();
        this.fields = new FiberFields(reader);
    }

    /** Sets the context that runs, whose machine stack is a root of its own and is not marked with it. 0 is none. */
    void current(long ec) {
        current = ec;
    }

    /** The fiber that an execution context belongs to. */
    long fiberOf(long ec) {
        return memory.readLong(ec + context.fiber());
    }

    /** Marks a block. C name {@code block_mark}. */
    void block(long block) {
        long offset = memory.require(block, DataLayout.BLOCK_SIZE);
        MemorySegment segment = memory.segment();
        long self = segment.get(Words.LONG, offset + DataLayout.BLOCK_SELF);
        long ep = segment.get(Words.LONG, offset + DataLayout.BLOCK_EP);
        long code = segment.get(Words.LONG, offset + DataLayout.BLOCK_CODE);
        int type = segment.get(Words.INT, offset + DataLayout.BLOCK_TYPE);
        switch (type) {
            // block_type_iseq, block_type_ifunc
            case 0, 1 -> {
                mark.value("self", self);
                mark.value("code", code);
                if (ep != 0) {
                    mark.at("closure", ep + EnvFlags.OBJECT);
                }
            }
            // block_type_symbol, block_type_proc
            case 2 -> mark.value("symbol", self);
            case 3 -> mark.value("proc", self);
            default -> {}
        }
    }

    /** C name {@code rb_execution_context_mark}. */
    void context(long ec) {
        frames(ec);
        if (ec != current) {
            machineStack(ec);
        }
        mark.fields(ec, marked.context());
        long storage = memory.readLong(ec + context.localStorage());
        if (context.localStorageById()) {
            mark.idTable(EdgeLabel.Form.FIBER_LOCAL, storage);
        } else {
            mark.fiberLocals(storage);
        }
    }

    /** Marks the stack of the virtual machine and its control frames. */
    private void frames(long ec) {
        long offset = memory.require(ec, ContextLayout.CFP + Long.BYTES);
        MemorySegment segment = memory.segment();
        long stack = segment.get(Words.LONG, offset + ContextLayout.VM_STACK);
        long size = segment.get(Words.LONG, offset + ContextLayout.VM_STACK_SIZE);
        long frame = segment.get(Words.LONG, offset + ContextLayout.CFP);
        if (stack == 0) {
            return;
        }
        memory.requireMapped(stack, size, Long.BYTES);
        long limit = stack + size * Long.BYTES;
        long top = memory.readLong(frame + ContextLayout.FRAME_SP);
        if (top > limit || frame < stack) {
            throw new UnmappedAddressException(top, stack, size * Long.BYTES);
        }
        mark.name(EdgeLabel.Form.STACK, "stack", ec, stack);
        mark.run(stack, top - stack >> 3);
        for (; frame < limit; frame += context.frameSize()) {
            offset = memory.require(frame, context.frameSize());
            segment = memory.segment();
            long iseq = segment.get(Words.LONG, offset + ContextLayout.FRAME_ISEQ);
            long self = segment.get(Words.LONG, offset + ContextLayout.FRAME_SELF);
            long ep = segment.get(Words.LONG, offset + ContextLayout.FRAME_EP);
            long block = segment.get(Words.LONG, offset + ContextLayout.FRAME_BLOCK_CODE);
            if (ep == 0) {
                continue;
            }
            long flags = memory.readLong(ep);
            if (context.skipsDummyFrames() && (flags & EnvFlags.MAGIC_MASK) == EnvFlags.MAGIC_DUMMY) {
                continue;
            }
            mark.name(EdgeLabel.Form.OF_CODE, "self", iseq, 0);
            mark.numbered(0, self);
            mark.value("code", iseq);
            mark.name(EdgeLabel.Form.OF_CODE, "block", iseq, 0);
            mark.numbered(0, block);
            if ((flags & EnvFlags.LOCAL) == 0) {
                long previous = memory.readLong(ep + EnvFlags.SPECIAL) & ~EnvFlags.SPECIAL_TAG;
                if ((memory.readLong(previous) & EnvFlags.ESCAPED) != 0) {
                    mark.at("closure", previous + EnvFlags.OBJECT);
                }
                if (context.marksEscaped() && (flags & EnvFlags.ESCAPED) != 0) {
                    mark.at("env", ep + EnvFlags.OBJECT);
                    mark.at("method", ep + EnvFlags.METHOD);
                }
            }
        }
    }

    /** Marks the machine stack of a context that waits, and the registers that were saved when it began to. */
    private void machineStack(long ec) {
        long start = memory.readLong(ec + context.stackStart());
        long end = memory.readLong(ec + context.stackEnd());
        if (start == 0 || end == 0) {
            return;
        }
        mark.locations("machine stack", end, start);
        mark.locations("register", ec + context.registers(), ec + context.registers() + ContextLayout.REGISTERS_SIZE);
    }

    /** C name {@code rb_fiber_mark_self}. */
    private void fiberItself(long fiber) {
        long self = memory.readLong(fiber + ContextLayout.FIBER_SELF);
        if (self != 0) {
            mark.value("fiber", self);
        } else {
            context(fiber + ContextLayout.FIBER_EC);
        }
    }

    /** C name {@code fiber_mark}. */
    void fiber(long fiber) {
        int own = context.fiberProc() + Math.max(0, fields.shift(fiber));
        mark.at("first_proc", fiber + own);
        long previous = memory.readLong(fiber + own + context.fiberPrevious() - context.fiberProc());
        if (previous != 0) {
            fiberItself(previous);
        }
        continuation(fiber);
    }

    /** C name {@code mutex_mark}, since a patch level of 3.4; before, a mutex refers to nothing. */
    void mutex(long at) {
        long owner = memory.readLong(at);
        if (owner != 0) {
            if (data.mutexHolder() == DataLayout.Holder.FIBER) {
                mark.at("fiber", owner + ContextLayout.FIBER_SELF);
            }
            mark.at("thread", at + DataLayout.MUTEX_THREAD);
        }
    }

    /** C name {@code cont_mark}. */
    void continuation(long cont) {
        mark.at("self", cont + ContextLayout.FIBER_SELF);
        mark.at("value", cont + ContextLayout.FIBER_SELF + Long.BYTES);
        long ec = cont + ContextLayout.FIBER_EC;
        context(ec);
        long owner = memory.readLong(ec + context.thread());
        if (owner != 0) {
            mark.at("thread", owner + ThreadLayout.SELF);
        }
        saved(cont + ContextLayout.FIBER_VM_STACK, ContextLayout.SAVED_STACK_SIZE, ContextLayout.SAVED_FRAMES_SIZE);
        boolean continuation = memory.readInt(cont + ContextLayout.FIBER_TYPE) == 0;
        if (continuation || context.fibersKeepStack()) {
            saved(cont + ContextLayout.FIBER_MACHINE, ContextLayout.SAVED_MACHINE_SIZE, -1);
        }
    }

    /** Marks a part of a stack that was copied away. */
    private void saved(long at, int size, int more) {
        long copy = memory.readLong(at);
        if (copy == 0) {
            return;
        }
        long words = memory.readLong(at + size) + (more < 0 ? 0 : memory.readLong(at + more));
        if (words < 0 || words > Long.MAX_VALUE / Long.BYTES) {
            throw new UnmappedAddressException(copy, copy, Long.MAX_VALUE);
        }
        mark.locations("saved stack", copy, copy + words * Long.BYTES);
    }

    /** C name {@code thread_mark}. */
    void thread(long at) {
        long ec = memory.readLong(at + thread.ec());
        long fiber = ec == 0 ? 0 : fiberOf(ec);
        if (fiber != 0) {
            fiberItself(fiber);
        }
        int invoke = memory.readInt(at + thread.invokeType());
        if (invoke == thread.invokeFunction()) {
            mark.maybe("invoke_arg.func.arg", memory.readLong(at + thread.procedure() + Long.BYTES));
        } else if (invoke >= ThreadLayout.INVOKE_PROC && invoke < thread.invokeFunction()) {
            mark.at("proc", at + thread.procedure());
            mark.at("args", at + thread.procedure() + Long.BYTES);
        }
        if (thread.ractor() >= 0) {
            long owner = memory.readLong(at + thread.ractor());
            if (owner != 0) {
                mark.at("ractor", owner + ThreadLayout.RACTOR_SELF);
            }
        }
        mark.fields(at, marked.thread().values());
        long root = memory.readLong(at + thread.rootFiber());
        if (root != 0) {
            fiberItself(root);
        }
        if (marked.thread().marksContext() && ec != 0) {
            context(ec);
        }
    }

    /** C name {@code ractor_mark}. */
    void ractor(long at) {
        for (int queue : ractor.queues()) {
            queue(at + queue);
        }
        mark.fields(at, ractor.values());
        mark.hooks(at + MarkLayout.Ractor.HOOKS);
        if (ractor.targetedHooks() >= 0) {
            targetedHooks(memory.readLong(at + ractor.targetedHooks()));
        }
        threads(at);
        locals(at);
    }

    /** Marks what hooks are for, code or the definition of a method made from a block, and their data. */
    private void targetedHooks(long table) {
        StEntries entries = new StEntries(reader).over(table);
        while (entries.next()) {
            if (reader.isSlot(entries.key())) {
                mark.value("hooked code", entries.key());
            } else {
                mark.at("hooked proc", entries.key() + ImemoLayout.DEFINITION_BODY);
            }
            mark.hooks(entries.record());
        }
    }

    private void queue(long queue) {
        long baskets = memory.readLong(queue);
        int start = memory.readInt(queue + MarkLayout.Ractor.QUEUE_START);
        int count = memory.readInt(queue + MarkLayout.Ractor.QUEUE_COUNT);
        int size = memory.readInt(queue + MarkLayout.Ractor.QUEUE_SIZE);
        if (count <= 0 || size <= 0 || start < 0 || baskets == 0) {
            return;
        }
        if (count > size || !memory.mapped(baskets, (long) size * ractor.basketSize())) {
            throw new UnmappedAddressException(baskets, baskets, (long) size * ractor.basketSize());
        }
        for (int i = 0; i < count; i++) {
            long basket = baskets + (long) ((start + i) % size) * ractor.basketSize();
            mark.at("sender", basket + ractor.basketSender());
            int type = memory.readInt(basket);
            if (!ractor.typedBaskets() || type < MarkLayout.Ractor.BASKET_DELETED) {
                mark.at("message", basket + ractor.basketValue());
            }
        }
    }

    /** Marks the threads of a ractor. */
    private void threads(long at) {
        long list = at + thread.ractorThreads();
        long node = memory.readLong(list);
        for (int left = Marking.LONGEST_LIST; node != list && node != 0; left--) {
            if (left == 0) {
                throw new UnmappedAddressException(node, list, Marking.LONGEST_LIST);
            }
            mark.at("thread", node + ThreadLayout.SELF);
            node = memory.readLong(node);
        }
    }

    /**
     * What C code keeps for each ractor, by a mark function that is told from what it gets: a value, or a generator
     * with a seed.
     */
    private void locals(long at) {
        long table = memory.readLong(at + ractor.localStorage());
        if (table != 0) {
            StEntries entries = new StEntries(reader).over(table);
            while (entries.next()) {
                long type = memory.readLong(entries.key());
                long kept = entries.record();
                if (type == 0 || memory.readLong(type) == 0) {
                    continue;
                }
                if (reader.isSlot(kept)) {
                    mark.value("local_storage", kept);
                } else if (kept != 0 && (kept & 7) == 0 && memory.mapped(kept, Long.BYTES)) {
                    mark.at("local_storage", kept);
                }
            }
        }
        mark.idTable(EdgeLabel.Form.FIBER_LOCAL, memory.readLong(at + ractor.localStorage() + Long.BYTES));
    }
}
