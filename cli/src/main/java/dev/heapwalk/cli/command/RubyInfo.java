// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.RubyVm;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code heapwalk ruby info}: which Ruby it is, and where its heap was found. */
@Command(
        name = "info",
        description = "Show the version and the platform of Ruby, where its structures were found, and the evidence.")
final class RubyInfo extends ReportCommand {
    @Parameters(paramLabel = "TARGET", description = TargetCommand.TARGET)
    private String target;

    private final RubyLooks looks = new RubyLooks(this, RubyLooks.Need.NOTHING, RubyVm::evidence);

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
        return looks.at(opened, problems, (vm, _) -> new EvidenceRows(vm.evidence()));
    }
}
