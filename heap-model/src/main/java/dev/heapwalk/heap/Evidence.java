// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * A conclusion of a discovery and what it rests on. Code looks at {@link #sources()}; the texts are for people.
 *
 * @param subject what was looked for, such as {@code main_arena} or {@code layout}
 * @param conclusion what was found, such as an address or a range of versions
 * @param sources what it rests on; empty if nothing was found
 * @param basis how it was found and what confirms it
 */
public record Evidence(String subject, String conclusion, Set<Source> sources, String basis) {

    /** Keeps the sources in their own order. */
    public Evidence {
        sources = sources.isEmpty() ? Set.of() : Collections.unmodifiableSet(EnumSet.copyOf(sources));
    }

    /**
     * Makes one.
     *
     * @param subject what was looked for
     * @param conclusion what was found
     * @param basis how it was found and what confirms it
     * @param sources what it rests on
     * @return the evidence
     */
    public static Evidence of(String subject, String conclusion, String basis, Source... sources) {
        return new Evidence(subject, conclusion, Set.copyOf(List.of(sources)), basis);
    }
}
