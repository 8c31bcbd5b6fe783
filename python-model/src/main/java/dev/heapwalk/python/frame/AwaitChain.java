// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.frame;

import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.SmallLayout;
import dev.heapwalk.python.object.PyGen;
import java.util.Set;

/**
 * A cursor over generators and coroutines of which each waits for the next: by {@code await}, {@code yield from} or
 * {@code async for}. For one thread.
 */
public final class AwaitChain {
    /** No process has so many. */
    private static final int LONGEST = 1 << 24;
    /** How many objects may stand for another, one for the other. */
    private static final int MOST_WRAPPERS = 16;

    private static final Set<String> WRAPPERS = Set.of(
            "coroutine_wrapper", "async_generator_asend", "async_generator_athrow", "anext_awaitable", "FutureIter");

    private final ObjectReader reader;
    private final PyGen generator;
    private long next;
    private long end;
    // To find a chain that leads back to itself: one of those before, which moves on at each power of two.
    private long passed;
    private int steps;

    /**
     * Makes a cursor that is at nothing.
     *
     * @param reader what reads the objects
     */
    public AwaitChain(ObjectReader reader) {
        this.reader = reader;
        this.generator = new PyGen(reader);
    }

    /**
     * Goes before the first one.
     *
     * @param address target address of a coroutine or generator, or anything
     */
    public void over(long address) {
        next = address;
        end = 0;
        passed = 0;
        steps = 0;
    }

    /**
     * Moves to the next one.
     *
     * @return whether there is one
     */
    public boolean next() {
        end = unwrapped(next);
        next = 0;
        if (end == 0 || end == passed || !reader.find(end, generator) || ++steps > LONGEST) {
            return false;
        }
        if (Integer.bitCount(steps) == 1) {
            passed = end;
        }
        end = 0;
        next = generator.waitsFor();
        return true;
    }

    /** What an object stands for while it is awaited: itself, or another one. */
    private long unwrapped(long address) {
        long at = address;
        for (int i = 0; i < MOST_WRAPPERS; i++) {
            long type = at == 0 ? 0 : reader.typeAt(at);
            if (type == 0 || !WRAPPERS.contains(reader.typeNames().of(type).qualname())) {
                return at;
            }
            at = reader.field(at, SmallLayout.AWAITED);
        }
        return at;
    }

    /**
     * Where it is.
     *
     * @return target address of a generator, coroutine or asynchronous generator
     */
    public long address() {
        return generator.address();
    }

    /**
     * How that stands. The last one of a chain may run.
     *
     * @return its state
     */
    public PyGen.State state() {
        return generator.state();
    }

    /**
     * What the last one waits for, once {@link #next()} has said that there are no more. In a target that is damaged it
     * may be one of the chain.
     *
     * @return target address of an object, mostly a future; 0 if it waits for nothing
     */
    public long end() {
        return end;
    }
}
