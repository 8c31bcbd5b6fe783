// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.python.frame.Frames;
import dev.heapwalk.python.frame.Task;
import dev.heapwalk.python.frame.Tasks;
import dev.heapwalk.python.frame.ThreadInfo;
import dev.heapwalk.python.object.PyGen;
import dev.heapwalk.python.object.ShortRepr;
import dev.heapwalk.text.JsonLines;
import java.io.ByteArrayOutputStream;

/** Stacks of Python as one JSON object a line. */
final class StackLines implements StackOutput {
    private static final byte[] FRAMES = JsonLines.ascii(",\"frames\":[");
    private static final byte[] LOCALS = JsonLines.ascii(",\"locals\":[");
    private static final byte[] AMONG = JsonLines.ascii(",\"among\":[");

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final JsonLines out = new JsonLines(bytes);
    private final ShortRepr values;
    private final Tasks tasks;

    /** How far a line has come. */
    private enum At {
        HEAD,
        AMONG,
        FRAMES,
        FRAME,
        LOCALS
    }

    private At at = At.HEAD;
    private boolean first;

    StackLines(ShortRepr values, Tasks tasks) {
        this.values = values;
        this.tasks = tasks;
    }

    private void key(String name) {
        out.raw(JsonLines.ascii("," + '"' + name + "\":"));
    }

    private void begin(String type, long address) {
        out.raw(JsonLines.ascii("{\"type\":\"" + type + "\",\"id\":"));
        out.address(address);
        at = At.HEAD;
        first = true;
    }

    private void truth(String name, boolean value) {
        key(name);
        out.raw(JsonLines.ascii(Boolean.toString(value)));
    }

    @Override
    public void thread(ThreadInfo info, boolean main) {
        begin("thread", info.thread().threadId());
        key("interpreter");
        out.decimal(info.interpreter().id());
        key("state");
        out.address(info.thread().address());
        if (info.object() != 0) {
            key("object");
            out.address(info.object());
        }
        info.name().ifPresent(name -> {
            key("name");
            out.harmless(values.secret(name));
        });
        truth("main", main);
        info.system().ifPresent(system -> {
            key("tid");
            out.decimal(system.tid());
        });
        truth("gil", info.activity().holdsLock());
        key("activity");
        out.string(info.activity().label());
    }

    @Override
    public void task(Task task) {
        begin("task", task.address());
        key("name");
        out.harmless(values.secret(task.name()));
        key("state");
        out.string(task.state().label());
        key("coroutine");
        out.address(task.coroutine());
    }

    @Override
    public void generator(long address, PyGen.State state) {
        begin("generator", address);
        key("state");
        out.string(state.label());
        key("value");
        out.harmless(values.of(address));
    }

    @Override
    public void waits(long address) {
        key("waits_for");
        awaited(address);
    }

    @Override
    public void waitsAmong(long address) {
        if (at != At.AMONG) {
            out.raw(AMONG);
            at = At.AMONG;
        } else {
            out.raw(',');
        }
        awaited(address);
    }

    private void awaited(long address) {
        out.raw(JsonLines.ascii("{\"id\":"));
        out.address(address);
        tasks.at(address).ifPresent(task -> {
            key("state");
            out.string(task.state().label());
            if (task.coroutine() != 0) {
                key("name");
                out.harmless(values.secret(task.name()));
            }
        });
        key("value");
        out.harmless(values.of(address));
        out.raw('}');
    }

    private void beginFrames() {
        if (at == At.AMONG) {
            out.raw(']');
        }
        out.raw(FRAMES);
        at = At.FRAMES;
        first = true;
    }

    private void endFrame() {
        if (at == At.LOCALS) {
            out.raw(']');
        }
        if (at == At.LOCALS || at == At.FRAME) {
            out.raw('}');
        }
        at = At.FRAMES;
    }

    @Override
    public void frame(Frames frames, long generator) {
        if (at == At.HEAD || at == At.AMONG) {
            beginFrames();
        }
        endFrame();
        out.raw(JsonLines.ascii((first ? "" : ",") + "{\"frame\":"));
        first = false;
        out.address(frames.address());
        if (generator != 0) {
            key("generator");
            out.address(generator);
        }
        key("code");
        out.address(frames.code());
        key("file");
        out.harmless(frames.file());
        int line = frames.line();
        if (line >= 0) {
            key("line");
            out.decimal(line);
        }
        key("function");
        out.harmless(frames.function());
        at = At.FRAME;
    }

    @Override
    public void local(String name, long value) {
        if (at == At.FRAME) {
            out.raw(LOCALS);
            at = At.LOCALS;
        } else {
            out.raw(',');
        }
        out.raw(JsonLines.ascii("{\"name\":"));
        out.harmless(name);
        key("id");
        out.address(value);
        key("value");
        out.harmless(values.of(value));
        out.raw('}');
    }

    @Override
    public void left(long count) {
        closeFrames();
        key("left_out");
        out.decimal(count);
    }

    private void closeFrames() {
        if (at == At.HEAD || at == At.AMONG) {
            beginFrames();
        }
        endFrame();
        out.raw(']');
        closed = true;
    }

    private boolean closed;

    @Override
    public void end() {
        if (!closed) {
            closeFrames();
        }
        closed = false;
        out.raw('}');
        out.newline();
    }

    /** All that was shown. */
    byte[] bytes() {
        out.flush();
        return bytes.toByteArray();
    }
}
