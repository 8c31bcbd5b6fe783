// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.query;

import dev.heapwalk.text.SafeText;
import java.util.List;

/** A query can't be understood. It knows where. */
public final class QueryException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String text;
    private final int start;
    private final int end;

    /**
     * Says what is wrong.
     *
     * @param message what
     * @param text the whole query
     * @param start where the offending word begins, in characters of Unicode
     * @param end where it ends
     */
    QueryException(String message, String text, int start, int end) {
        super(message);
        this.text = text;
        this.start = start;
        this.end = end;
    }

    /** The query, and below it carets under the word that is wrong, as it is when both went through {@link SafeText}. */
    public List<String> marked() {
        int begin = text.offsetByCodePoints(0, start);
        int behind = text.offsetByCodePoints(0, end);
        // As the text is shown: what a terminal would obey takes several characters.
        int indent = width(text.substring(0, begin));
        int carets = Math.max(1, width(text.substring(begin, behind)));
        return List.of(text, " ".repeat(indent) + "^".repeat(carets));
    }

    private static int width(String part) {
        String safe = SafeText.of(part);
        return safe.codePointCount(0, safe.length());
    }
}
