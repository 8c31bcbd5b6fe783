// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.demo.Demo;
import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.RubyVm;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import picocli.CommandLine.Command;

/** {@code heapwalk ruby}: the commands about the heap of a Ruby process. */
@Command(
        name = "ruby",
        description = "Read the heap of a Ruby process (CRuby 2.7 to 4.0).",
        synopsisSubcommandLabel = "COMMAND")
final class Ruby extends CommandGroup {
    static final Map<String, Supplier<?>> COMMANDS = new LinkedHashMap<>();

    static {
        COMMANDS.put("info", RubyInfo::new);
        COMMANDS.put("count", RubyCount::new);
        COMMANDS.put("dump", RubyDump::new);
        COMMANDS.put("show", RubyShow::new);
        COMMANDS.put("threads", RubyThreadsCommand::new);
        COMMANDS.put("roots", RubyRoots::new);
    }

    @Override
    protected Demo demo() {
        return Demo.ruby();
    }

    /** Finds the virtual machine, and says so if its collector was at work. */
    static RubyVm locate(Target target, Problems problems) {
        RubyVm vm = RubyVm.locate(target);
        switch (vm.collection()) {
            case RUNNING ->
                problems.missing(
                        "a garbage collection was running, so anything in the heap may have been halfway through a change");
            case SWEEPING ->
                problems.notices(List.of(
                        "%s is sweeping its heap step by step; garbage on pages that it has yet to sweep is told apart"
                                .formatted(target.description())));
            case MARKING, NONE -> {}
        }
        return vm;
    }
}
