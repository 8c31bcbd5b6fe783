// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.text;

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * When bytes of a target are text, and which.
 *
 * @param charset what makes characters of them, if anything here can
 * @param ascii without a charset: whether bytes that are all below 128 are ASCII, as in most encodings but not in
 *     UTF-16 or ISO-2022-JP
 */
public record TextForm(Optional<Charset> charset, boolean ascii) {
    /** Text if it is valid UTF-8. */
    public static final TextForm UTF_8 = of(StandardCharsets.UTF_8);
    /** Any bytes; text if all are ASCII. */
    public static final TextForm BYTES = new TextForm(Optional.empty(), true);
    /** Never text. */
    public static final TextForm OPAQUE = new TextForm(Optional.empty(), false);

    /**
     * Text if a charset can decode it.
     *
     * @param charset the charset
     * @return the form
     */
    public static TextForm of(Charset charset) {
        return new TextForm(Optional.of(charset), false);
    }

    boolean utf8() {
        return charset.isPresent() && charset.get() == StandardCharsets.UTF_8;
    }
}
