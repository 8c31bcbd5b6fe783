// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Texts of the help are filled for terminals of any width. */
final class ParagraphsTest {
    @Test
    void linesThatBeginWithoutASpaceAreFilled() {
        assertThat(Paragraphs.fill(List.of("", "one two three", "four five", "", "six"), 14))
                .containsExactly("", "one two three", "four five", "", "six");
        assertThat(Paragraphs.fill(List.of("one two", "three four five"), 14))
                .containsExactly("one two three", "four five");
        assertThat(Paragraphs.fill(List.of("unbreakable words"), 5)).containsExactly("unbreakable", "words");
    }

    @Test
    void entriesGoOnBelowTheirText() {
        assertThat(Paragraphs.fill(List.of("  Size  (size)  bytes of it all there", "                together"), 34))
                .containsExactly("  Size  (size)  bytes of it all", "                there together");
        assertThat(Paragraphs.fill(List.of("  - a list of", "    some things"), 12))
                .containsExactly("  - a list", "    of some", "    things");
        assertThat(Paragraphs.fill(List.of("  a word  explained", "          at length"), 15))
                .containsExactly("  a word  explained", "      at length");
    }

    @Test
    void whatFitsStaysAsItIs() {
        List<String> lines =
                List.of("Examples:", "  heapwalk sizes 1234", "  What is it?", "            heapwalk memory 1234");
        assertThat(Paragraphs.fill(lines, 40)).isEqualTo(lines);
    }
}
