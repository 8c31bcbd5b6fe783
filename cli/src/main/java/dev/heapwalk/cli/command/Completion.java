// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Failure;
import dev.heapwalk.cli.output.Order;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** {@code heapwalk completion}: a script that teaches a shell the commands, the options and their values. */
@Command(
        name = "completion",
        description = {
            "Print a script that completes commands and options in bash and in zsh.",
            "For this shell: source <(heapwalk completion)"
        })
final class Completion extends AnyCommand {
    /** What goes around the parts that are made from the commands. bash cuts words at {@code =}, zsh does not. */
    private static final String SCRIPT = """
            # Completes heapwalk in bash and in zsh. Load it by: source <(heapwalk completion)
            if [ -n "${ZSH_VERSION-}" ]; then
                autoload -U +X compinit && compinit
                autoload -U +X bashcompinit && bashcompinit
            fi

            _complete_heapwalk() {
                local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} prefix= command= words= i
                local IFS=$' \\n'
                COMPREPLY=()
                case $current in
                    =) current= ;;
                    --*=*)
                        before=${current%%%%=*}
                        prefix=$before=
                        current=${current#*=}
                        ;;
                    *) [ "$before" = = ] && before=${COMP_WORDS[COMP_CWORD - 2]} ;;
                esac
                for ((i = 1; i < COMP_CWORD; i++)); do
                    case "$command${command:+ }${COMP_WORDS[i]}" in
                        %1$s) command="$command${command:+ }${COMP_WORDS[i]}" ;;
                    esac
                done
                case "$command $before" in
            %2$s    esac
                if [ -n "$words" ]; then
                    COMPREPLY=($(compgen -P "$prefix" -W "$words" -- "$current"))
                    return
                fi
                case $command in
            %3$s    esac
                case $current in
                    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
                    *)
                        case $command in
            %4$s                completion) ;;
                            *) _complete_heapwalk_files -f demo ;;
                        esac
                        ;;
                esac
            }

            _complete_heapwalk_files() {
                local IFS=$'\\n'
                COMPREPLY=($(compgen -W "${2-}" -- "$current") $(compgen -P "$prefix" "$1" -- "$current"))
                compopt -o filenames 2>/dev/null || true
            }

            complete -F _complete_heapwalk heapwalk
            """;

    @Override
    public Integer call() {
        Map<String, CommandSpec> commands = new LinkedHashMap<>();
        StringBuilder groups = new StringBuilder();
        collect("", spec().root(), commands, groups);
        group(
                "help",
                Stream.concat(spec().root().subcommands().keySet().stream(), Manual.TOPICS.stream())
                        .toList(),
                groups);
        StringBuilder options = new StringBuilder();
        // Options by what they are called, then the commands that have them by what comes after them.
        Map<String, Map<String, List<String>>> values = new TreeMap<>();
        commands.forEach((name, command) -> {
            options.append("        '%s') words='%s' ;;\n".formatted(name, String.join(" ", names(command))));
            for (OptionSpec option : command.options()) {
                for (String called : option.arity().max() == 0 ? new String[0] : option.names()) {
                    values.computeIfAbsent(called, key -> new TreeMap<>())
                            .computeIfAbsent(action(option, command), key -> new ArrayList<>())
                            .add("'" + name + " " + called + "'");
                }
            }
        });
        StringBuilder arguments = new StringBuilder();
        values.forEach((called, actions) -> actions.forEach((action, typed) -> arguments.append("        %s) %s ;;\n"
                .formatted(actions.size() == 1 ? "*' " + called + "'" : String.join(" | ", typed), action))));
        String typed = commands.keySet().stream()
                .filter(name -> !name.isEmpty())
                .map(name -> "'" + name + "'")
                .collect(Collectors.joining(" | "));
        System.out.print(SCRIPT.formatted(typed, arguments, options, groups));
        System.out.flush();
        return Failure.FINE;
    }

    /** Collects a command and those below it, by what is typed for them. */
    private static void collect(String typed, CommandSpec command, Map<String, CommandSpec> all, StringBuilder groups) {
        all.put(typed, command);
        Map<String, CommandLine> below = command.subcommands();
        if (!below.isEmpty()) {
            group(typed, below.keySet(), groups);
        }
        below.forEach((word, line) ->
                collect(typed.isEmpty() ? word : typed + " " + word, line.getCommandSpec(), all, groups));
    }

    /** What may follow a command that takes no target. */
    private static void group(String typed, Collection<String> words, StringBuilder groups) {
        groups.append("                '%s') COMPREPLY=($(compgen -W '%s' -- \"$current\")) ;;\n"
                .formatted(typed, String.join(" ", words)));
    }

    private static List<String> names(CommandSpec command) {
        List<String> names = new ArrayList<>();
        for (OptionSpec option : command.options()) {
            names.add(option.longestName());
        }
        return names;
    }

    /** What the script does after an option that takes a value. */
    private static String action(OptionSpec option, CommandSpec command) {
        if (option.longestName().equals(RowsCommand.SORT)
                && command.userObject() instanceof RowsCommand rows
                && !rows.sortable().isEmpty()) {
            return "words='" + String.join(" ", Order.fields(rows.sortable())) + "'";
        }
        if (option.completionCandidates() != null) {
            return "words='" + String.join(" ", option.completionCandidates()) + "'";
        }
        if (option.type() == Path.class) {
            return "_complete_heapwalk_files " + (option.paramLabel().equals("DIR") ? "-d" : "-f") + "; return";
        }
        return "return";
    }
}
