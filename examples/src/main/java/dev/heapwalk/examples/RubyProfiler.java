// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.examples;

import dev.heapwalk.memory.NoSuchProcessException;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.vm.Frames;
import dev.heapwalk.ruby.vm.Interpreter;
import dev.heapwalk.ruby.vm.RubyThread;
import dev.heapwalk.ruby.vm.RubyThreads;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Samples the backtraces of the threads of a Ruby process that run, and writes them for flame graphs. */
final class RubyProfiler {
    /** Pages of code that was loaded meanwhile are looked for so often. */
    private static final double RELOCATE_SECONDS = 1;

    private RubyProfiler() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        long pid = Long.parseLong(arguments[0]);
        Path output = Path.of(arguments[1]);
        double rate = arguments.length > 2 ? Double.parseDouble(arguments[2]) : 100;
        Stacks stacks = new Stacks();
        List<Stacks.Frame> stack = new ArrayList<>();
        try (Target target = Target.observe(pid)) {
            RubyVm vm = RubyVm.locate(target);
            Pace pace = new Pace(rate, arguments.length > 3 ? Double.parseDouble(arguments[3]) : 10);
            try {
                while (true) {
                    ObjectReader reader = vm.sampler();
                    Interpreter interpreter = new Interpreter(reader);
                    RubyThreads threads = new RubyThreads(interpreter);
                    Frames frames = interpreter.frames();
                    double until = pace.seconds() + RELOCATE_SECONDS;
                    while (pace.seconds() < until) {
                        if (!pace.next()) {
                            return;
                        }
                        reader.forget();
                        for (RubyThread thread : threads.living()) {
                            if (thread.status() == RubyThread.Status.RUN) {
                                stack.clear();
                                frames.sample(thread.context());
                                while (frames.nextShown()) {
                                    stack.add(new Stacks.Frame(
                                            frames.label().orElse("?"), frames.path(), frames.line()));
                                }
                                stacks.add(stack.reversed(), frames.torn() > 0);
                            }
                        }
                    }
                    vm = vm.refresh();
                }
            } catch (NoSuchProcessException e) {
                System.out.println(e.getMessage());
            } finally {
                stacks.write(output, target.description(), 1 / rate);
                stacks.print(pace);
            }
        }
    }
}
