// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * An allocator's library of this machine that an environment variable names, to run the ledger program with, beside
 * those that Debian's releases package.
 *
 * @param file its path
 * @param version with which its file name begins, such as 2.1.2 of {@code v2.1.2-secure.so}
 */
public record NamedLibrary(Path file, String version) {
    private static final Pattern VERSION = Pattern.compile("v?([0-9]+(?:\\.[0-9]+)+)(?:[^0-9.].*|\\..*)?");

    /**
     * Those that a variable names.
     *
     * @param variable its name; its value is paths, separated by colons
     * @return them in the order of the list, none if the variable is not set
     * @throws IllegalStateException if there is no such file, or its name does not begin with a version
     */
    public static Stream<NamedLibrary> of(String variable) {
        return Stream.of(Optional.ofNullable(System.getenv(variable)).orElse("").split(File.pathSeparator))
                .filter(file -> !file.isBlank())
                .map(file -> of(variable, Path.of(file)));
    }

    private static NamedLibrary of(String variable, Path file) {
        Matcher version = VERSION.matcher(file.getFileName().toString());
        if (!Files.isRegularFile(file) || !version.matches()) {
            throw new IllegalStateException("%s: %s must be a file whose name begins with the version of the library"
                    .formatted(variable, file));
        }
        return new NamedLibrary(file, version.group(1));
    }
}
