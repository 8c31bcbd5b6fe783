// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Source;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.PythonThread;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code heapwalk python info}: which Python it is, and where its heap was found. */
@Command(
        name = "info",
        description =
                "Show the version and the build of Python, its interpreters and threads, where its structures were "
                        + "found, and the evidence.")
final class PythonInfo extends ReportCommand {
    @Parameters(paramLabel = "TARGET", description = TargetCommand.TARGET)
    private String target;

    private final PythonLooks looks = new PythonLooks(this, PythonLooks.Need.NOTHING, PythonRuntime::evidence);

    @Override
    String target() {
        return target;
    }

    @Override
    Optional<LookAhead> lookAhead() {
        return Optional.of(looks);
    }

    @Override
    Report read(Target opened, Problems problems, Progress progress) {
        return looks.at(
                opened,
                problems,
                (runtime, _) -> new EvidenceRows(Stream.concat(runtime.evidence().stream(), threads(opened, runtime))
                        .toList()));
    }

    private static Stream<Evidence> threads(Target opened, PythonRuntime runtime) {
        List<ThreadState> known = opened.threads();
        return runtime.interpreters().stream()
                .flatMap(interpreter -> interpreter.threads().stream().map(thread -> {
                    Optional<ThreadState> system = system(known, thread);
                    return Evidence.of(
                            "thread",
                            system.map(found -> "%d (%s)".formatted(found.tid(), found.name()))
                                    .orElse("pthread 0x%x".formatted(thread.threadId())),
                            "the structure at 0x%x in the list of the interpreter at 0x%x%s"
                                    .formatted(
                                            thread.address(),
                                            interpreter.address(),
                                            system.isEmpty() ? "; no thread of the process was found for it" : ""),
                            Source.STRUCTURE);
                }));
    }

    /** The thread of the process; by its thread pointer or, where registers are not known, by its number. */
    private static Optional<ThreadState> system(List<ThreadState> known, PythonThread thread) {
        return known.stream()
                .filter(each -> each.registers()
                        .filter(at -> at.threadPointer() == thread.threadId())
                        .isPresent())
                .findFirst()
                .or(() -> known.stream()
                        .filter(each -> each.tid() == thread.nativeThreadId())
                        .findFirst());
    }
}
