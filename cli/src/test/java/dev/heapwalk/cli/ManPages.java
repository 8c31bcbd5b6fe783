// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import java.io.File;
import java.io.IOException;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.codegen.docgen.manpage.ManPageGenerator;

/** Writes what the man pages are made from, in AsciiDoc, for {@code script/bundle}: a page for each command. */
final class ManPages {
    private ManPages() {}

    /**
     * Writes.
     *
     * @param args the folder to write to, and the version that each page names
     * @throws IOException if it can't be written
     */
    public static void main(String[] args) throws IOException {
        CommandSpec command = Heapwalk.line("completion").getCommandSpec();
        name(command, "heapwalk " + args[1]);
        int status = ManPageGenerator.generateManPage(new File(args[0]), null, new boolean[0], true, command);
        if (status != 0) {
            throw new IOException("the generator of man pages ended with status " + status);
        }
    }

    /** Not packaged yet, the command doesn't know its version. */
    private static void name(CommandSpec command, String version) {
        command.versionProvider(null).version(version);
        command.subcommands().values().stream().map(CommandLine::getCommandSpec).forEach(each -> name(each, version));
    }
}
