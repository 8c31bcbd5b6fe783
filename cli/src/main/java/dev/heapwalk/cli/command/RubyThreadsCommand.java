// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.dump.HeapDump;
import dev.heapwalk.ruby.dump.ObjectLines;
import dev.heapwalk.ruby.object.DataTypes;
import dev.heapwalk.ruby.vm.Argument;
import dev.heapwalk.ruby.vm.Fiber;
import dev.heapwalk.ruby.vm.Frames;
import dev.heapwalk.ruby.vm.Interpreter;
import dev.heapwalk.ruby.vm.Local;
import dev.heapwalk.ruby.vm.RubyThread;
import dev.heapwalk.ruby.vm.RubyThreads;
import dev.heapwalk.text.SafeText;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code heapwalk ruby threads}: what the threads do. */
@Command(
        name = "threads",
        description =
                "Show the backtraces of threads and suspended fibers, with arguments and variables. The innermost frame comes first.")
final class RubyThreadsCommand extends ThreadsCommand<RubyVm> {
    /** How many pages are searched for fibers before a process is stopped, so that all code has run. */
    private static final int TRIAL_PAGES = 100;

    private static final Optional<String> FIBER = Optional.of("fiber");

    @Option(
            names = "--format",
            paramLabel = "text|jsonl",
            description = "text (the default), or the line of 'heapwalk ruby dump' for each thread and fiber.")
    private ThreadsFormat format = ThreadsFormat.TEXT;

    private final RubyLooks looks = new RubyLooks(
            this, RubyLooks.Need.NO_MOVE, vm -> read(vm, Math.min(vm.pages().count(), TRIAL_PAGES), new Problems()));

    @Override
    ThreadsFormat format() {
        return format;
    }

    @Override
    RubyLooks looks() {
        return looks;
    }

    @Override
    byte[] read(RubyVm vm, Problems problems) {
        return read(vm, vm.pages().count(), problems);
    }

    /** Reads all threads, and the fibers on the first pages. */
    private byte[] read(RubyVm vm, int pages, Problems problems) {
        ObjectReader reader = vm.reader();
        Interpreter interpreter = new Interpreter(reader);
        RubyThreads threads = new RubyThreads(interpreter);
        List<RubyThread> living = threads.living();
        threads.notes().forEach(problems::missing);
        List<Fiber> fibers = suspended(vm, pages, reader, threads, problems);
        if (format == ThreadsFormat.JSONL) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            try (ObjectLines lines =
                    new ObjectLines(threads, out, HeapDump.Id.PLAIN, redaction().told())) {
                for (RubyThread thread : living) {
                    line(thread.self(), lines, problems);
                }
                for (Fiber fiber : fibers) {
                    line(fiber.self(), lines, problems);
                }
                lines.flush();
                problems.damage(lines.summary());
            }
            return out.toByteArray();
        }
        StringBuilder text = new StringBuilder();
        ValueText values = new ValueText(interpreter, redaction().told());
        for (RubyThread thread : living) {
            text.append(text.isEmpty() ? "" : "\n");
            head(thread, values, text);
            backtrace(thread.self(), thread.context(), interpreter, values, text, problems);
        }
        for (Fiber fiber : fibers) {
            RubyThread thread = fiber.thread() == 0 ? null : threads.thread(fiber.thread());
            text.append("\nfiber 0x%x".formatted(fiber.self()))
                    .append(thread == null ? "" : " of thread 0x%x".formatted(thread.self()))
                    .append(": ")
                    .append(fiber.status().label())
                    .append('\n');
            backtrace(fiber.self(), fiber.context(), interpreter, values, text, problems);
        }
        return text.toString().getBytes(StandardCharsets.UTF_8);
    }

    /** The fibers that wait to be resumed; those that run are in the backtraces of their threads. */
    private static List<Fiber> suspended(
            RubyVm vm, int pages, ObjectReader reader, RubyThreads threads, Problems problems) {
        List<Fiber> found = new ArrayList<>();
        DataTypes types = new DataTypes();
        SlotCursor slot = vm.slots(reader);
        slot.within(0, pages);
        while (slot.next()) {
            if (slot.type() == RubyType.DATA
                    && slot.state() == SlotState.LIVE
                    && types.of(slot.asData()).equals(FIBER)) {
                try {
                    threads.fiber(slot.asData().data())
                            .filter(fiber -> fiber.status() == Fiber.Status.SUSPENDED)
                            .ifPresent(found::add);
                } catch (UnmappedAddressException e) {
                    problems.hole(slot.address(), "a fiber can't be read: " + e.getMessage());
                }
            }
        }
        slot.holes().forEach(problems::missing);
        return found;
    }

    private static void line(long address, ObjectLines lines, Problems problems) {
        if (!lines.object(address)) {
            problems.hole(address, "the object of a thread or fiber can't be read");
        }
    }

    /** The frames of a thread or fiber; of one that runs on those that were there all the while. */
    private static void backtrace(
            long self, long context, Interpreter interpreter, ValueText values, StringBuilder text, Problems problems) {
        Frames frames = interpreter.frames().at(context);
        if (!frames.note().isEmpty()) {
            problems.hole(self, frames.note());
        }
        for (int i = 0; i < MOST_FRAMES && frames.nextShown(); i++) {
            frame(frames, values, text, problems);
        }
        int gone = frames.gone(context);
        if (gone > 0) {
            problems.hole(self, "%,d frames came or went while they were read".formatted(gone));
        }
    }

    private static void head(RubyThread thread, ValueText values, StringBuilder text) {
        text.append("thread 0x%x".formatted(thread.self()));
        thread.name().ifPresent(name -> text.append(' ').append(SafeText.of(values.ofText(name))));
        text.append(thread.main() ? " (main)" : "")
                .append(": ")
                .append(thread.status().label());
        if (thread.tid() != 0) {
            text.append(", tid ").append(thread.tid());
        }
        text.append('\n');
    }

    private static void frame(Frames frames, ValueText values, StringBuilder text, Problems problems) {
        Optional<String> label = frames.label();
        text.append("  ")
                .append(frames.shownPath().map(SafeText::of).orElse("?"))
                .append(frames.line() == 0 ? "" : ":" + frames.line())
                .append(" in ")
                .append(label.map(SafeText::of).orElse("?"))
                .append('\n');
        try {
            Set<String> shown = new HashSet<>();
            for (Argument argument : frames.arguments()) {
                Optional<String> name = argument.parameter().name();
                if (name.isPresent() && shown.add(name.get())) {
                    variable("argument", name.get(), values.of(argument.value(), argument.block()), text);
                }
            }
            for (Local local : frames.locals()) {
                Optional<String> name = local.name();
                if (name.isPresent() && shown.add(name.get())) {
                    variable("local", name.get(), values.of(local.value(), local.block()), text);
                }
            }
        } catch (UnmappedAddressException e) {
            problems.missing(
                    "variables of a frame of %s can't be read: %s".formatted(label.orElse("?"), e.getMessage()));
        }
    }

    private static void variable(String kind, String name, String value, StringBuilder text) {
        text.append("      ")
                .append(kind)
                .append(' ')
                .append(SafeText.of(name))
                .append(" = ")
                .append(SafeText.of(value))
                .append('\n');
    }
}
