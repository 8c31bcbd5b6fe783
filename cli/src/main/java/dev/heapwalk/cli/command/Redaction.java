// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.heap.dump.Disclosure;
import picocli.CommandLine.Option;

/** The option to show no data, for commands that show values in a few words. */
final class Redaction {
    @Option(
            names = "--redact",
            description = "In place of Strings, Symbols that are no names, and names of threads show their length and "
                    + "the beginning of a digest whose random key is not kept: what is equal has equal digests.")
    private boolean wanted;

    /** With another key in each run. */
    private final Disclosure redacted = Disclosure.WHOLE.redacting();

    /** What is told. */
    Disclosure told() {
        return wanted ? redacted : Disclosure.WHOLE;
    }
}
