// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code heapwalk completion}: a script that teaches a shell the commands and options. */
@Command(
        name = "completion",
        description = {
            "Print a script that completes commands and options in bash and in zsh.",
            "For this shell: source <(heapwalk completion)"
        })
final class Completion implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Show this help and exit.")
    private boolean help;

    @Override
    public Integer call() {
        CommandLine root = spec.root().commandLine();
        System.out.print(AutoComplete.bash(root.getCommandName(), root));
        System.out.flush();
        return Failure.FINE;
    }
}
