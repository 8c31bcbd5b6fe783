// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.python.frame.Frames;
import dev.heapwalk.python.frame.Task;
import dev.heapwalk.python.frame.ThreadInfo;
import dev.heapwalk.python.object.PyGen;

/**
 * Shows stacks of Python. Each begins with one of {@link #thread}, {@link #task} and {@link #generator}; its frames
 * follow, the innermost first, each with its variables, and {@link #end}.
 */
interface StackOutput {
    /** Begins the stack of a thread. */
    void thread(ThreadInfo info, boolean main);

    /** Begins the await chain of a task. */
    void task(Task task);

    /** Begins the await chain of a generator or coroutine that belongs to no task. */
    void generator(long address, PyGen.State state);

    /** What the innermost frame waits for. */
    void waits(long address);

    /** A task or future that it waits for, with others. */
    void waitsAmong(long address);

    /** A frame; of an await chain with the generator or coroutine that it belongs to, else with 0. */
    void frame(Frames frames, long generator);

    /** A variable of the frame. */
    void local(String name, long value);

    /** How many frames are left out, the outermost. */
    void left(long count);

    /** Ends the stack. */
    void end();
}
