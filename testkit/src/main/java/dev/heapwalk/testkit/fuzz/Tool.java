// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit.fuzz;

import java.io.IOException;
import java.util.List;

/** Runs a program that says nothing when all is well. */
final class Tool {
    private Tool() {}

    static void run(String... line) throws IOException {
        Process process = new ProcessBuilder(line).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes());
        try {
            if (process.waitFor() != 0) {
                throw new IOException(List.of(line) + " failed: " + said);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
    }
}
