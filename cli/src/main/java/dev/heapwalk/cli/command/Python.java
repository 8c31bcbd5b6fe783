// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.demo.Demo;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import picocli.CommandLine.Command;

/** {@code heapwalk python}: the commands about the heap of a Python process. */
@Command(
        name = "python",
        description = "Read the heap of a Python process (CPython 2.7 and 3.6 to 3.15).",
        synopsisSubcommandLabel = "COMMAND")
final class Python extends CommandGroup {
    static final Map<String, Supplier<?>> COMMANDS = new LinkedHashMap<>();

    static {
        COMMANDS.put("info", PythonInfo::new);
        COMMANDS.put("count", PythonCount::new);
        COMMANDS.put("dump", PythonDump::new);
        COMMANDS.put("threads", PythonThreads::new);
        COMMANDS.put("show", PythonShow::new);
        COMMANDS.put("roots", PythonRoots::new);
        COMMANDS.put("allocators", PythonAllocators::new);
    }

    @Override
    protected Demo demo() {
        return Demo.python();
    }
}
