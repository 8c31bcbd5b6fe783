// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code heapwalk completion}: a script that teaches a shell the commands, the options and their values. */
@Command(
        name = "completion",
        description = {
            "Print a script that completes commands and options in bash and in zsh.",
            "For this shell: source <(heapwalk completion)"
        })
final class Completion implements Callable<Integer> {
    /** What goes around the parts that are made from the commands. bash cuts words at {@code =}, zsh does not. */
    private static final String SCRIPT =
            """
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
                    case ${COMP_WORDS[i]} in
                        %1$s)
                            command=${COMP_WORDS[i]}
                            break
                            ;;
                    esac
                done
                case $before in
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
                        if [ -z "$command" ]; then
                            COMPREPLY=($(compgen -W '%4$s' -- "$current"))
                        elif [ "$command" != completion ]; then
                            _complete_heapwalk_files -f demo
                        fi
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

    @Spec
    private CommandSpec spec;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Show this help and exit.")
    private boolean help;

    @Override
    public Integer call() {
        Map<String, CommandLine> commands = spec.root().subcommands();
        Map<String, String> values = new TreeMap<>();
        StringBuilder options = new StringBuilder();
        commands.forEach((name, command) -> {
            List<String> names = names(command.getCommandSpec());
            options.append("        %s) words='%s' ;;\n".formatted(name, String.join(" ", names)));
            command.getCommandSpec().options().forEach(option -> values.putAll(values(option)));
        });
        options.append("        *) words='%s' ;;\n".formatted(String.join(" ", names(spec.root()))));
        StringBuilder arguments = new StringBuilder();
        values.forEach((name, action) -> arguments.append("        %s) %s ;;\n".formatted(name, action)));
        System.out.print(SCRIPT.formatted(
                String.join(" | ", commands.keySet()), arguments, options, String.join(" ", commands.keySet())));
        System.out.flush();
        return Failure.FINE;
    }

    private static List<String> names(CommandSpec command) {
        List<String> names = new ArrayList<>();
        for (OptionSpec option : command.options()) {
            names.add(option.longestName());
        }
        return names;
    }

    /** What the script does after an option that takes a value. */
    private static Map<String, String> values(OptionSpec option) {
        if (option.arity().max() == 0) {
            return Map.of();
        }
        String action;
        if (option.completionCandidates() != null) {
            action = "words='" + String.join(" ", option.completionCandidates()) + "'";
        } else if (option.type() == Path.class) {
            action = "_complete_heapwalk_files -d; return";
        } else {
            action = "return";
        }
        return Map.of(option.longestName(), action);
    }
}
