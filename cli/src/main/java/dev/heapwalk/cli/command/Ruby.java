// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.demo.Demo;
import java.util.LinkedHashMap;
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
}
