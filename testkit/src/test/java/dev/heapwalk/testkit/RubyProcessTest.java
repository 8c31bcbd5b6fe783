// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RubyProcessTest {
    private static final Pattern TYPE =
            Pattern.compile("^\\{\"address\":\"0x[0-9a-f]+\", \"type\":\"(\\w+)\"", Pattern.MULTILINE);
    private static final Pattern COUNT = Pattern.compile("\"(\\w+)\":(\\d+)");

    @TempDir
    Path folder;

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void makesEveryType(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            assertThat(process.ask("version").getFirst()).startsWith(ruby.version() + ".");
            assertThat(Files.readString(Path.of("/proc/" + process.pid() + "/comm")))
                    .startsWith("ruby");
            String counts = process.ask("count_objects").getFirst();
            Set<String> types = COUNT.matcher(counts)
                    .results()
                    .filter(count -> !count.group(2).equals("0"))
                    .map(count -> count.group(1))
                    .collect(Collectors.toCollection(TreeSet::new));
            assertThat(types)
                    .contains(
                            "T_OBJECT",
                            "T_CLASS",
                            "T_MODULE",
                            "T_FLOAT",
                            "T_STRING",
                            "T_REGEXP",
                            "T_ARRAY",
                            "T_HASH",
                            "T_STRUCT",
                            "T_BIGNUM",
                            "T_FILE",
                            "T_DATA",
                            "T_MATCH",
                            "T_COMPLEX",
                            "T_RATIONAL",
                            "T_SYMBOL",
                            "T_IMEMO",
                            "T_ICLASS");
            String dump = Files.readString(process.dumpAll());
            assertThat(TYPE.matcher(dump)
                            .results()
                            .map(line -> "T_" + line.group(1))
                            .filter(types::contains)
                            .distinct())
                    .hasSizeGreaterThanOrEqualTo(18);
            // What answers took is little beside what there is.
            assertThat(TYPE.matcher(dump)
                            .results()
                            .filter(line -> !line.group(1).equals("SHAPE"))
                            .count())
                    .isCloseTo(count(counts, "TOTAL") - count(counts, "FREE"), withinPercentage(1));
            List<String> made = Files.readAllLines(process.askForFile("made"));
            assertThat(made).hasSizeGreaterThan(1000).allMatch(line -> line.startsWith("{\"name\":"));
            assertThat(process.ask("count_objects").getFirst()).contains("\"TOTAL\"");
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void keepsZombiesWhereAsked(Ruby ruby) throws Exception {
        try (RubyProcess process =
                RubyProcess.of(ruby, "every_type").env("HEAPWALK_ZOMBIES", "1").start()) {
            assertThat(count(process.ask("count_objects").getFirst(), "T_ZOMBIE"))
                    .isGreaterThan(50);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void hasRactorsSince3(Ruby ruby) throws Exception {
        if (!ruby.isAtLeast(3, 0)) {
            assertThatThrownBy(() -> RubyProcess.of(ruby, "ractors").start()).isInstanceOf(IOException.class);
            return;
        }
        try (RubyProcess process = RubyProcess.of(ruby, "ractors").start()) {
            assertThat(process.ask("names")).containsExactly("ractor 0", "ractor 1", "ractor 2");
            assertThat(count(process.ask("count_objects").getFirst(), "T_STRING"))
                    .isGreaterThan(3000);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void describesValues(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "values").start()) {
            List<String> values = Files.readAllLines(process.askForFile("values"));
            assertThat(values).hasSizeGreaterThan(600).allMatch(line -> line.startsWith("{\"name\":"));
            assertThat(values)
                    .filteredOn(line -> line.startsWith("{\"name\":\"invalid byte\""))
                    .singleElement()
                    .asString()
                    .contains("\"bytes\":\"61ff62\"", "\"encoding\":\"UTF-8\"", "\"valid\":false");
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void waitsInKnownFrames(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "frames").start()) {
            List<String> holders = Files.readAllLines(process.askForFile("frames"));
            assertThat(holders)
                    .filteredOn(line -> line.startsWith("{\"kind\":\"thread\""))
                    .hasSizeGreaterThan(25);
            assertThat(holders)
                    .filteredOn(line -> line.startsWith("{\"kind\":\"fiber\""))
                    .hasSizeGreaterThan(5);
            assertThat(holders)
                    .filteredOn(line -> line.contains("\"name\":\"descending\""))
                    .singleElement()
                    .asString()
                    .contains(
                            "\"base_label\":\"descend\"",
                            "\"absolute_path\":\"" + process.seen("frames.rb") + "\"",
                            "[\"squared\",");
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void loadsTheStandardLibrary(Ruby ruby) throws Exception {
        try (RubyProcess process =
                RubyProcess.of(ruby, "stdlib").argument(100_000).start()) {
            assertThat(count(process.ask("count_objects").getFirst(), "T_STRING"))
                    .isGreaterThan(100_000);
            assertThat(process.ask("missing")).doesNotContain("json", "set", "socket", "openssl", "yaml", "net/http");
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void goesOnAllocating(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "churn").argument(2).start()) {
            process.ask("stop");
            List<String> rounds = process.ask("rounds");
            assertThat(process.ask("rounds")).isEqualTo(rounds);
            process.ask("run");
            // Its threads do something as soon as they get a processor.
            while (process.ask("rounds").equals(rounds)) {
                Thread.sleep(10);
            }
            assertThat(Integer.parseInt(process.ask("check").getFirst())).isPositive();
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void leavesACoreAndGoesOn(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            assertThat(Cores.gcore(process, folder)).isNotEmptyFile();
            assertThat(process.ask("eval 6 * 7")).containsExactly("42");
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#debian")
    void tellsWhatWentWrong(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            assertThatThrownBy(() -> process.ask("eval raise IOError, 'on purpose'"))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("FAILED IOError: on purpose");
            assertThat(process.ask("eval 1 + 1")).containsExactly("2");
        }
        assertThatThrownBy(() -> RubyProcess.of(ruby, "every_type")
                        .option("-rno_such_library")
                        .start())
                .isInstanceOf(IOException.class)
                .hasMessageContaining("no_such_library");
    }

    @Test
    void leavesNothingInTheRoot() throws Exception {
        Path seen;
        try (RubyProcess process = RubyProcess.of(Ruby.TRIXIE, "every_type").start()) {
            seen = process.dumpAll();
            assertThat(seen).exists();
        }
        assertThat(seen.getParent()).doesNotExist();
    }

    @Test
    void comparesVersions() {
        assertThat(Ruby.BULLSEYE.isAtLeast(2, 7)).isTrue();
        assertThat(Ruby.BULLSEYE.isAtLeast(3, 0)).isFalse();
        assertThat(Ruby.TRIXIE.isAtLeast(2, 8)).isTrue();
    }

    private static long count(String counts, String name) {
        Matcher matcher = Pattern.compile("\"" + name + "\":(\\d+)").matcher(counts);
        assertThat(matcher.find()).as(counts).isTrue();
        return Long.parseLong(matcher.group(1));
    }
}
