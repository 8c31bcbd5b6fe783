// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.StandardOutput;
import java.util.Optional;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/**
 * Shows the stacks of the threads of a runtime.
 *
 * @param <R> the runtime
 */
abstract class ThreadsCommand<R> extends TargetCommand {
    /** How many frames of a stack are shown. */
    static final int MOST_FRAMES = 10_000;

    @Parameters(paramLabel = "TARGET", description = TargetCommand.TARGET)
    private String target;

    @Mixin
    private Redaction redaction;

    @Mixin
    private EachProcess each;

    /** What is printed. */
    abstract ThreadsFormat format();

    /** Finds the runtime. */
    abstract RuntimeLooks<R> looks();

    /**
     * Reads what is printed.
     *
     * @param problems receives what speaks against the answer
     */
    abstract byte[] read(R runtime, Problems problems);

    /** How much is told of texts. */
    final Redaction redaction() {
        return redaction;
    }

    @Override
    final String target() {
        return target;
    }

    @Override
    final Optional<EachProcess> each() {
        return Optional.of(each);
    }

    @Override
    final Optional<LookAhead> lookAhead() {
        return Optional.of(looks());
    }

    @Override
    final int answer(Subject subject) {
        Problems problems = new Problems();
        byte[] shown = reading(subject, problems, new Progress(), opened -> looks().at(opened, problems, this::read));
        byte[] told = format() == ThreadsFormat.JSONL ? each.named(shown) : each.headed(shown);
        each.printed();
        return printing(subject, problems, () -> new StandardOutput().write(told, 0, told.length));
    }
}
