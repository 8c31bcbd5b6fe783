// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.python.frame.Frames;
import dev.heapwalk.python.frame.Task;
import dev.heapwalk.python.frame.Tasks;
import dev.heapwalk.python.frame.ThreadInfo;
import dev.heapwalk.python.object.PyGen;
import dev.heapwalk.python.object.ShortRepr;
import dev.heapwalk.text.SafeText;
import java.nio.charset.StandardCharsets;

/** Stacks of Python as text for people. */
final class StackText implements StackOutput {
    private final ShortRepr values;
    private final Tasks tasks;
    private final boolean severalInterpreters;
    private final StringBuilder text = new StringBuilder();

    StackText(ShortRepr values, Tasks tasks, boolean severalInterpreters) {
        this.values = values;
        this.tasks = tasks;
        this.severalInterpreters = severalInterpreters;
    }

    private void begin() {
        text.append(text.isEmpty() ? "" : "\n");
    }

    @Override
    public void thread(ThreadInfo info, boolean main) {
        begin();
        text.append("thread 0x%x".formatted(info.thread().threadId()));
        info.name().ifPresent(name -> text.append(' ').append(SafeText.of(values.ofText(name))));
        text.append(main ? " (main)" : "");
        if (severalInterpreters) {
            text.append(" of interpreter ")
                    .append(
                            info.interpreter().id() < 0
                                    ? "0x%x".formatted(info.interpreter().address())
                                    : Long.toString(info.interpreter().id()));
        }
        text.append(": ").append(info.activity().label());
        info.system().ifPresent(system -> text.append(", tid ").append(system.tid()));
        text.append('\n');
    }

    @Override
    public void task(Task task) {
        begin();
        text.append(named(task)).append(": ").append(task.state().label()).append('\n');
    }

    private String named(Task task) {
        return "task 0x%x".formatted(task.address())
                + (task.name().isEmpty() ? "" : " " + SafeText.of(values.ofText(task.name())));
    }

    @Override
    public void generator(long address, PyGen.State state) {
        begin();
        text.append(SafeText.of(values.of(address)))
                .append(": ")
                .append(state.label())
                .append('\n');
    }

    @Override
    public void waits(long address) {
        text.append("  waits for ").append(awaited(address)).append('\n');
    }

    @Override
    public void waitsAmong(long address) {
        text.append("    ").append(awaited(address)).append('\n');
    }

    private String awaited(long address) {
        return tasks.at(address)
                .map(task -> task.coroutine() == 0
                        ? SafeText.of(values.of(address)) + ", " + task.state().label()
                        : named(task))
                .orElseGet(() -> SafeText.of(values.of(address)));
    }

    @Override
    public void frame(Frames frames, long generator) {
        String file = frames.file();
        String function = frames.function();
        text.append("  ")
                .append(file.isEmpty() ? "?" : SafeText.of(file))
                .append(frames.line() < 0 ? "" : ":" + frames.line())
                .append(" in ")
                .append(function.isEmpty() ? "?" : SafeText.of(function))
                .append('\n');
    }

    @Override
    public void local(String name, long value) {
        text.append("      ")
                .append(SafeText.of(name))
                .append(" = ")
                .append(SafeText.of(values.of(value)))
                .append('\n');
    }

    @Override
    public void left(long count) {
        text.append("  … %,d more\n".formatted(count));
    }

    @Override
    public void end() {
        // Nothing follows.
    }

    /** All that was shown. */
    byte[] bytes() {
        return text.toString().getBytes(StandardCharsets.UTF_8);
    }
}
