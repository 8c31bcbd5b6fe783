// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Bytes;
import dev.heapwalk.heap.dump.Disclosure;
import java.util.OptionalLong;
import picocli.CommandLine.Option;

/** The options for how much is told of the text and bytes that objects hold. */
final class ToldText {
    /** What a line is cut at if nothing else is said, in bytes. */
    private static final long MOST = 64 << 10;

    @Option(
            names = "--max-string",
            paramLabel = "SIZE",
            description = "Cut the text or bytes of one object after so many bytes, and add their length and SHA-256; "
                    + "in bytes, or with K, M or G. 64K if nothing is said, or all of it in --format objectspace.")
    private String most;

    @Option(
            names = "--redact",
            description = "In place of text and bytes write their length and a digest whose random key is not kept: "
                    + "what is equal has equal digests. Names of classes, methods, variables and files stay.")
    private boolean redact;

    private Disclosure told = Disclosure.WHOLE;

    /** Takes the options in. The key of the digests is made here, once in a run. */
    void check(TargetCommand command, boolean cut) {
        told = cut ? Disclosure.WHOLE.atMost(MOST) : Disclosure.WHOLE;
        if (most != null) {
            OptionalLong bytes = Bytes.parseOrNone(most);
            told = Disclosure.WHOLE.atMost(bytes.orElseThrow(() -> command.wrong(
                    "--max-string must be a number of bytes, such as 0, 512, 64K or 1G, not '" + most + "'")));
        }
        if (redact) {
            told = told.redacting();
        }
    }

    /** What is told. */
    Disclosure told() {
        return told;
    }
}
