// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * No public method of the library gives or takes null: absence is an {@code Optional}, or a number that the Javadoc
 * names. Read from the sources of the packages that the modules export to everybody.
 */
class PublicApiTest {
    private static final List<String> MODULES = List.of(
            "memory-access",
            "heap-model",
            "graph-model",
            "native-model",
            "malloc-model",
            "allocator-models",
            "ruby-model",
            "python-model");
    private static final Pattern EXPORT = Pattern.compile("\\bexports\\s+([\\w.]+);");
    private static final Pattern INTERFACE =
            Pattern.compile("^public (?:sealed |non-sealed )?interface\\b", Pattern.MULTILINE);

    /** A comment and the first line of what it describes, behind annotations. */
    private static final Pattern DESCRIBED =
            Pattern.compile("/\\*\\*((?:(?!\\*/).)*)\\*/\\s*(?:@[^\\n]*\\n\\s*)*([^\\n]*)", Pattern.DOTALL);

    /** A method that users may call, and its body, as the formatter writes it. */
    private static final Pattern METHOD = Pattern.compile(
            "^( +)(?:public|protected|default) (?![^({]*\\b(?:class|record|enum|interface) )([^=;{]*)"
                    + "\\{\\n(.*?)^\\1\\}",
            Pattern.DOTALL | Pattern.MULTILINE);

    /** A null that is returned, not one that something is compared with or that is handed on. */
    private static final Pattern RETURN =
            Pattern.compile("\\breturn\\s+(?:null\\b|[^;]*?(?:[?:]|->)\\s*null\\b)[^;]*;");

    @Test
    void documentsNoNull() throws IOException {
        assertThat(found(PublicApiTest::documented)).isEmpty();
    }

    @Test
    void returnsNoNull() throws IOException {
        assertThat(found(PublicApiTest::returned)).isEmpty();
    }

    @Test
    void rulesFindWhatTheyAreFor() {
        String type = "public final class Names {\n%s}\n";
        assertThat(documented(type.formatted(
                        "    /**\n     * @return it; null if none\n     */\n    @Override\n    public String a() {\n")))
                .hasSize(1);
        assertThat(documented(type.formatted("    /** What is known; null before. */\n    private String b;\n")))
                .isEmpty();
        assertThat(documented("public interface Names {\n    /** The name, or null. */\n    String a();\n}\n"))
                .hasSize(1);
        assertThat(documented("/**\n * @param b a name, or null\n */\npublic record Names(String b) {}\n"))
                .hasSize(1);
        assertThat(returned(type.formatted("    public String a() {\n        return null;\n    }\n")))
                .hasSize(1);
        assertThat(returned(
                        type.formatted("    public String a() {\n        return b == 0 ? null : text(b);\n    }\n")))
                .hasSize(1);
        assertThat(returned(type.formatted("    public boolean a() {\n        return b != null;\n    }\n")))
                .isEmpty();
        assertThat(returned(type.formatted("    private String a() {\n        return null;\n    }\n")))
                .isEmpty();
        String inner = "    public record In(int c) {\n%s    }\n";
        assertThat(returned(inner.formatted("        public String a() {\n            return null;\n        }\n")))
                .hasSize(1);
    }

    private static List<String> found(Function<String, List<String>> rule) throws IOException {
        List<String> found = new ArrayList<>();
        int read = 0;
        for (String module : MODULES) {
            Path sources = Path.of("..", module, "src", "main", "java");
            Matcher exported = EXPORT.matcher(Files.readString(sources.resolve("module-info.java")));
            while (exported.find()) {
                try (Stream<Path> files =
                        Files.list(sources.resolve(exported.group(1).replace('.', '/')))) {
                    for (Path file : files.filter(path -> path.toString().endsWith(".java"))
                            .sorted()
                            .toList()) {
                        String text = Files.readString(file);
                        if (text.contains("\npublic ")) {
                            read++;
                            rule.apply(text).forEach(what -> found.add(file.getFileName() + ": " + what));
                        }
                    }
                }
            }
        }
        assertThat(read).as("public types").isGreaterThan(100);
        return found;
    }

    /** What users may name, by its first line, if its description speaks of null. */
    private static List<String> documented(String text) {
        boolean isInterface = INTERFACE.matcher(text).find();
        return DESCRIBED
                .matcher(text)
                .results()
                .filter(described -> described.group(1).matches("(?s).*\\bnull\\b.*"))
                .map(described -> described.group(2))
                .filter(line -> line.startsWith("public ")
                        || line.startsWith("protected ")
                        || isInterface && !line.startsWith("private "))
                .toList();
    }

    /** The methods that users may call that return null, each with the statement. */
    private static List<String> returned(String text) {
        List<String> found = new ArrayList<>();
        METHOD.matcher(text)
                .results()
                .forEach(method -> RETURN.matcher(method.group(3))
                        .results()
                        .forEach(statement -> found.add(method.group(2).strip() + ": " + statement.group())));
        return found;
    }
}
