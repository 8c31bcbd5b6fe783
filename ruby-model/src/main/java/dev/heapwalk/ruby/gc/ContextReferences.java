// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.struct.Words;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.layout.ContextLayout;
import dev.heapwalk.ruby.layout.DataLayout;
import dev.heapwalk.ruby.layout.EnvFlags;
import dev.heapwalk.ruby.layout.ImemoLayout;
import dev.heapwalk.ruby.layout.MarkLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.ThreadLayout;
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

    private long current;
    private int ownFields;

    ContextReferences(Marking mark) {
        this.mark = mark;
        this.reader = mark.reader();
        this.memory = reader.memory();
        this.context = RubyLayout.of(reader.series()).context();
        this.thread = RubyLayout.of(reader.series()).thread();
        this.marked = RubyLayout.of(reader.series()).mark();
        this.ractor = marked.ractor();
        this.data = RubyLayout.of(reader.series()).data();
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
                mark.value(self);
                mark.value(code);
                if (ep != 0) {
                    mark.at(ep + EnvFlags.OBJECT);
                }
            }
            // block_type_symbol, block_type_proc
            case 2, 3 -> mark.value(self);
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
            mark.idTable(storage);
        } else {
            mark.table(storage, false, true);
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
        mark.values(stack, top - stack >> 3);
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
            mark.value(self);
            mark.value(iseq);
            mark.value(block);
            if ((flags & EnvFlags.LOCAL) == 0) {
                long previous = memory.readLong(ep + EnvFlags.SPECIAL) & ~EnvFlags.SPECIAL_TAG;
                if ((memory.readLong(previous) & EnvFlags.ESCAPED) != 0) {
                    mark.at(previous + EnvFlags.OBJECT);
                }
                if (context.marksEscaped() && (flags & EnvFlags.ESCAPED) != 0) {
                    mark.at(ep + EnvFlags.OBJECT);
                    mark.at(ep + EnvFlags.METHOD);
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
        mark.locations(end, start);
        mark.locations(ec + context.registers(), ec + context.registers() + ContextLayout.REGISTERS_SIZE);
    }

    /** C name {@code rb_fiber_mark_self}. */
    private void fiberItself(long fiber) {
        long self = memory.readLong(fiber + ContextLayout.FIBER_SELF);
        if (self != 0) {
            mark.value(self);
        } else {
            context(fiber + ContextLayout.FIBER_EC);
        }
    }

    /** C name {@code fiber_mark}. */
    void fiber(long fiber) {
        int own = ownFields(fiber);
        mark.at(fiber + own);
        long previous = memory.readLong(fiber + own + context.fiberPrevious() - context.fiberProc());
        if (previous != 0) {
            fiberItself(previous);
        }
        continuation(fiber);
    }

    /**
     * Where a fiber's own fields begin, behind a {@code rb_jmpbuf_t} that is {@code jmp_buf} where the interpreter was
     * built so, and else one of the compiler's own that is smaller.
     */
    private int ownFields(long fiber) {
        if (ownFields == 0) {
            int small = context.fiberProc();
            int large = small + ContextLayout.LIBC_JMP_BUF_SHIFT;
            boolean isSmall = isProc(memory.readLong(fiber + small));
            if (isSmall != isProc(memory.readLong(fiber + large))) {
                ownFields = isSmall ? small : large;
            } else {
                return small;
            }
        }
        return ownFields;
    }

    private boolean isProc(long value) {
        return reader.isSlot(value) && RubyType.of(memory.readLong(value)) == RubyType.DATA;
    }

    /** C name {@code mutex_mark}, since a patch level of 3.4; before, a mutex refers to nothing. */
    void mutex(long at) {
        long owner = memory.readLong(at);
        if (owner != 0) {
            if (data.mutexHolder() == DataLayout.Holder.FIBER) {
                mark.at(owner + ContextLayout.FIBER_SELF);
            }
            mark.at(at + DataLayout.MUTEX_THREAD);
        }
    }

    /** C name {@code cont_mark}. */
    void continuation(long cont) {
        mark.values(cont + ContextLayout.FIBER_SELF, 2);
        long ec = cont + ContextLayout.FIBER_EC;
        context(ec);
        long owner = memory.readLong(ec + context.thread());
        if (owner != 0) {
            mark.at(owner + ThreadLayout.SELF);
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
        mark.locations(copy, copy + words * Long.BYTES);
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
            mark.maybe(memory.readLong(at + thread.procedure() + Long.BYTES));
        } else if (invoke >= ThreadLayout.INVOKE_PROC && invoke < thread.invokeFunction()) {
            mark.values(at + thread.procedure(), 2);
        }
        if (thread.ractor() >= 0) {
            long owner = memory.readLong(at + thread.ractor());
            if (owner != 0) {
                mark.at(owner + ThreadLayout.RACTOR_SELF);
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
                mark.value(entries.key());
            } else {
                mark.at(entries.key() + ImemoLayout.DEFINITION_BODY);
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
            mark.at(basket + ractor.basketSender());
            int type = memory.readInt(basket);
            if (!ractor.typedBaskets() || type < MarkLayout.Ractor.BASKET_DELETED) {
                mark.at(basket + ractor.basketValue());
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
            mark.at(node + ThreadLayout.SELF);
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
                    mark.value(kept);
                } else if (kept != 0 && (kept & 7) == 0 && memory.mapped(kept, Long.BYTES)) {
                    mark.at(kept);
                }
            }
        }
        mark.idTable(memory.readLong(at + ractor.localStorage() + Long.BYTES));
    }
}
