// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.codegen.docgen.manpage.ManPageGenerator;

/** Writes what the man pages are made from, in AsciiDoc, for {@code script/bundle}: a page for each command. */
final class ManPages {
    private static final String NOTES = "Notes";

    private ManPages() {}

    /**
     * Writes.
     *
     * @param args the folder to write to, and the version that each page names
     * @throws IOException if it can't be written
     */
    public static void main(String[] args) throws IOException {
        CommandSpec command = Heapwalk.line("completion").getCommandSpec();
        prepare(command, "heapwalk " + args[1]);
        int status = ManPageGenerator.generateManPage(new File(args[0]), null, new boolean[0], true, command);
        if (status != 0) {
            throw new IOException("the generator of man pages ended with status " + status);
        }
        try (DirectoryStream<Path> pages = Files.newDirectoryStream(Path.of(args[0]), "*.adoc")) {
            for (Path page : pages) {
                keepLines(page);
            }
        }
    }

    /** The generator marks what follows an empty line, which would be shown where lines stay as they are. */
    private static void keepLines(Path page) throws IOException {
        String text = Files.readString(page);
        int from = text.indexOf("== " + NOTES);
        if (from < 0) {
            throw new IOException("no notes in " + page);
        }
        Files.writeString(page, text.substring(0, from) + text.substring(from).replace("[%hardbreaks]\n", ""));
    }

    /** Not packaged yet, the command doesn't know its version. Columns and examples keep their lines. */
    private static void prepare(CommandSpec command, String version) {
        command.versionProvider(null).version(version);
        UsageMessageSpec usage = command.usageMessage();
        usage.footerHeading(NOTES + "%n")
                .footer(Stream.of(
                                List.of("...."),
                                List.of(usage.footer()).stream()
                                        .dropWhile(String::isEmpty)
                                        .toList(),
                                List.of("...."))
                        .flatMap(List::stream)
                        .toArray(String[]::new));
        command.subcommands().values().stream()
                .map(CommandLine::getCommandSpec)
                .forEach(each -> prepare(each, version));
    }
}
