// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Failure;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code heapwalk help}: explains a command or a word. */
@Command(name = "help", description = "Explain a command, its columns and options, with examples; or malloc's words.")
final class Help extends AnyCommand {
    @Parameters(
            arity = "0..*",
            paramLabel = "COMMAND",
            description = "A command such as sizes or ruby dump; or words, target, status, units.")
    private List<String> words = List.of();

    @Override
    public Integer call() {
        CommandLine line = spec().root().commandLine();
        for (String word : words) {
            CommandLine below = line.getSubcommands().get(word);
            if (below == null) {
                return topic();
            }
            line = below;
        }
        line.usage(System.out);
        return Failure.FINE;
    }

    private int topic() {
        String topic = String.join(" ", words);
        Optional<List<String>> text =
                Manual.TOPICS.contains(topic) ? Manual.read().section(topic, Commands.helpWidth()) : Optional.empty();
        text.orElseThrow(() -> wrong("there is no command '%s', and no topic; topics are %s"
                        .formatted(topic, String.join(", ", Manual.TOPICS))))
                .forEach(System.out::println);
        return Failure.FINE;
    }
}
