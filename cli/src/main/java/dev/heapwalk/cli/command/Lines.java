// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Where the lines of a shell come from. */
interface Lines extends AutoCloseable {
    /**
     * The next line.
     *
     * @param prompt what is shown to who types it
     * @return the line; empty if there are no more
     */
    Optional<String> next(String prompt);

    @Override
    void close();

    /** Lines of standard input, which nobody types. */
    static Lines piped() {
        // Not closed: the descriptor is the process's.
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        return new Lines() {
            @Override
            public Optional<String> next(String prompt) {
                try {
                    return Optional.ofNullable(in.readLine());
                } catch (IOException e) {
                    throw new UncheckedIOException(new IOException("can't read commands: " + e.getMessage(), e));
                }
            }

            @Override
            public void close() {
                // Nothing is held.
            }
        };
    }
}
