// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.python.ObjectCursor;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.frame.AwaitChain;
import dev.heapwalk.python.frame.Frames;
import dev.heapwalk.python.frame.Task;
import dev.heapwalk.python.frame.Tasks;
import dev.heapwalk.python.frame.ThreadInfo;
import dev.heapwalk.python.frame.Threads;
import dev.heapwalk.python.object.PyGen;
import dev.heapwalk.python.object.ShortRepr;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code heapwalk python threads}: what the threads and tasks do. */
@Command(
        name = "threads",
        description =
                "Show the stacks of threads, and what tasks of asyncio wait for. The innermost frame comes first.")
final class PythonThreads extends ThreadsCommand<PythonRuntime> {
    /** How many variables of a frame are shown. */
    private static final int MOST_LOCALS = 10_000;
    /** How many tasks that one waits for are shown with it. */
    private static final int MOST_GATHERED = 100;

    @Option(names = "--locals", description = "Show the local variables of each frame.")
    private boolean locals;

    @Option(
            names = "--tasks",
            description =
                    "Show the tasks of asyncio too: what each runs, through all coroutines that await each other, "
                            + "and what it waits for.")
    private boolean tasks;

    @Option(
            names = "--generators",
            description =
                    "Show the generators and coroutines that wait to go on too; with --tasks, those that no task runs.")
    private boolean generators;

    @Option(
            names = "--format",
            paramLabel = "text|jsonl",
            description = "text (the default), or a JSON object for each thread, task and generator.")
    private ThreadsFormat format = ThreadsFormat.TEXT;

    private Optional<PythonLooks> looks = Optional.empty();

    @Override
    ThreadsFormat format() {
        return format;
    }

    /** Made when it is known what is asked for: to find all tasks, objects must be in the collector's lists. */
    @Override
    PythonLooks looks() {
        if (looks.isEmpty()) {
            looks = Optional.of(new PythonLooks(
                    this,
                    tasks || generators ? PythonLooks.Need.REST : PythonLooks.Need.NOTHING,
                    runtime -> read(runtime, false, new Problems())));
        }
        return looks.get();
    }

    @Override
    byte[] read(PythonRuntime runtime, Problems problems) {
        return read(runtime, tasks || generators, problems);
    }

    private byte[] read(PythonRuntime runtime, boolean objects, Problems problems) {
        try (ObjectReader reader = runtime.reader()) {
            ShortRepr values = new ShortRepr(reader, redaction().told());
            Tasks all = new Tasks(reader);
            if (format == ThreadsFormat.JSONL) {
                StackLines lines = new StackLines(values, all);
                new Stacks(runtime, reader, all, lines, problems).show(objects);
                return lines.bytes();
            }
            StackText text = new StackText(values, all, runtime.interpreters().size() > 1);
            new Stacks(runtime, reader, all, text, problems).show(objects);
            return text.bytes();
        }
    }

    /** Goes through the stacks once. */
    private final class Stacks {
        private final PythonRuntime runtime;
        private final ObjectReader reader;
        private final Tasks all;
        private final StackOutput out;
        private final Problems problems;
        private final Frames frames;
        private final AwaitChain chain;
        /** The coroutines that are shown with their tasks. */
        private final Set<Long> shown = new HashSet<>();

        Stacks(PythonRuntime runtime, ObjectReader reader, Tasks all, StackOutput out, Problems problems) {
            this.runtime = runtime;
            this.reader = reader;
            this.all = all;
            this.out = out;
            this.problems = problems;
            this.frames = new Frames(runtime, reader);
            this.chain = new AwaitChain(reader);
        }

        void show(boolean objects) {
            List<ThreadState> known = runtime.target().threads();
            for (ThreadInfo info : new Threads(runtime, reader).all()) {
                boolean main = !known.isEmpty()
                        && info.system().filter(known.getFirst()::equals).isPresent();
                thread(info, main);
            }
            if (objects) {
                List<Long> found = new ArrayList<>();
                List<Long> waiting = new ArrayList<>();
                find(found, waiting);
                if (tasks) {
                    found.forEach(address -> all.at(address).ifPresent(this::task));
                }
                if (generators) {
                    waiting.forEach(this::generator);
                }
            }
        }

        private void thread(ThreadInfo info, boolean main) {
            out.thread(info, main);
            boolean still = runtime.target().still();
            if (still) {
                frames.overThread(info.thread());
            } else {
                frames.sampleThread(info.thread());
            }
            long count = 0;
            while (frames.next()) {
                if (++count <= MOST_FRAMES) {
                    frame(0);
                }
            }
            if (!frames.note().isEmpty()) {
                problems.hole(info.thread().address(), frames.note());
            }
            if (count > MOST_FRAMES) {
                out.left(count - MOST_FRAMES);
            }
            int gone = still ? 0 : frames.torn() + frames.returned();
            if (gone > 0) {
                problems.hole(info.thread().address(), "%,d frames came or went while they were read".formatted(gone));
            }
            out.end();
        }

        private void frame(long generator) {
            out.frame(frames, generator);
            if (locals) {
                for (int i = 0; i < MOST_LOCALS && frames.nextLocal(); i++) {
                    out.local(frames.localName(), frames.localValue());
                }
            }
        }

        /** Finds tasks and generators among all objects. */
        private void find(List<Long> found, List<Long> waiting) {
            PyGen generator = new PyGen(reader);
            try (ObjectCursor objects = runtime.objects(Heaps.of(runtime.target()))) {
                while (objects.next()) {
                    if (all.isTask(objects.type())) {
                        found.add(objects.address());
                    } else if (generators
                            && reader.find(objects.address(), generator)
                            && generator.state() == PyGen.State.SUSPENDED) {
                        waiting.add(objects.address());
                    }
                }
                objects.notices().forEach(problems::missing);
                objects.damages().forEach(damage -> problems.hole(damage.address(), damage.reason()));
            }
            // What somebody else waits for is shown there.
            Set<Long> inner = new HashSet<>();
            for (long address : waiting) {
                chain.over(address);
                if (chain.next() && chain.next()) {
                    inner.add(chain.address());
                }
            }
            waiting.removeIf(inner::contains);
        }

        private void task(Task task) {
            if (task.state() != Task.State.PENDING) {
                return;
            }
            out.task(task);
            shown.add(task.coroutine());
            chain(task.coroutine(), task.waiter());
        }

        private void generator(long address) {
            PyGen generator = new PyGen(reader);
            if (!shown.contains(address) && reader.find(address, generator)) {
                out.generator(address, generator.state());
                chain(address, 0);
            }
        }

        private void chain(long address, long waiter) {
            List<Long> links = new ArrayList<>();
            chain.over(address);
            long count = 0;
            while (chain.next()) {
                if (++count <= MOST_FRAMES) {
                    links.add(chain.address());
                }
            }
            long waitsFor = waiter == 0 ? chain.end() : waiter;
            if (waitsFor != 0) {
                out.waits(waitsFor);
                List<Long> gathered = new ArrayList<>();
                all.gathered(waitsFor, gathered::add);
                gathered.stream().limit(MOST_GATHERED).forEach(out::waitsAmong);
            }
            for (long link : links.reversed()) {
                if (frames.overGenerator(link) && frames.next()) {
                    frame(link);
                }
            }
            if (count > links.size()) {
                out.left(count - links.size());
            }
            out.end();
        }
    }
}
