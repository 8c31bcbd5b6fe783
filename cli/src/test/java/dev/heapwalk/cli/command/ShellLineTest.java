// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is typed in a shell, and the command line that it stands for. */
final class ShellLineTest {
    private static String[] arguments(String line) {
        return new ShellLine(line).arguments("TARGET", List.of());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "heap                       | summary TARGET",
                "heap --top 3               | summary TARGET --top 3",
                "heap sizes                 | sizes TARGET",
                "heap used                  | used TARGET",
                "heap free                  | free TARGET",
                "heap all                   | all TARGET",
                "heap log                   | log TARGET",
                "heap label 'a name'        | label TARGET a_name",
                "heap diff                  | diff TARGET",
                "heap diff one two          | diff TARGET one two",
                "heap arenas                | arenas TARGET",
                "heap arena 1               | arena 1 TARGET",
                "heap cpython-allocators    | python allocators TARGET",
                "hexdump 0x1234 -c          | hexdump 0x1234 -c TARGET",
                "sizes --top 10 --human     | sizes TARGET --top 10 --human",
                "ruby count Shop            | ruby count TARGET Shop",
                "python dump -o 'a file'    | python dump TARGET -o a_file",
                "python                     | python",
                "nothing of ours            | nothing of ours",
            })
    void standsForACommandLine(String line, String expected) {
        assertThat(arguments(line)).extracting(word -> word.replace(' ', '_')).containsExactly(expected.split(" "));
    }

    @Test
    void takesExpressionsAsTheyAre() {
        assertThat(arguments("heap select kind=\"string  data\" and   size > 100 --top 3"))
                .containsExactly("select", "TARGET", "kind=\"string  data\" and   size > 100", "--top", "3");
        assertThat(arguments("select  kind = 'a --b'")).containsExactly("select", "TARGET", "kind = 'a --b'");
        assertThat(arguments("select kind = \"open")).containsExactly("select", "TARGET", "kind = \"open");
        assertThat(arguments("heap select")).containsExactly("select", "TARGET");
    }

    @Test
    void addsOptionsThatTheLineDoesNotHave() {
        List<String> options = List.of("--mode", "stop", "--max-stop", "10.0", "--verbose");
        assertThat(new ShellLine("sizes --mode=observe").arguments("1", options))
                .containsExactly("sizes", "1", "--mode=observe", "--max-stop", "10.0", "--verbose");
        assertThat(new ShellLine("sizes --max-stop 3 --verbose").arguments("1", options))
                .containsExactly("sizes", "1", "--max-stop", "3", "--verbose", "--mode", "stop");
    }

    @Test
    void refusesWhatIsNotThere() {
        assertThatThrownBy(() -> arguments("heap nothing")).hasMessageContaining("cpython-allocators");
        assertThatThrownBy(() -> arguments("shell 1")).hasMessageContaining("no command of a shell");
        assertThat(new ShellLine("").first()).isEmpty();
        assertThat(new ShellLine("  # a remark").first()).isEmpty();
    }
}
