// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.core;

import java.util.List;
import java.util.Set;

/**
 * What a core file has of a process beside its memory, and which of its mappings the process wants in it. Mappings are
 * named by the target address at which they begin.
 *
 * @param notes the notes, in the order in which they are written; those of a thread follow its {@code NT_PRSTATUS}
 * @param filter the bits of {@code /proc/PID/coredump_filter}
 * @param excluded the mappings that are never written: of devices, or after {@code madvise(MADV_DONTDUMP)}
 * @param huge the mappings of hugetlbfs
 * @param written the private mappings of files that have pages of their own: the process wrote there
 */
public record CoreFacts(List<CoreNote> notes, int filter, Set<Long> excluded, Set<Long> huge, Set<Long> written) {
    /** A filter that leaves nothing out. */
    public static final int ALL = -1;

    /**
     * The same without what may be text: the command line, which {@code NT_PRPSINFO} has, and the registers of vectors
     * and floating-point numbers, through which programs copy.
     *
     * @return new facts
     */
    public CoreFacts redacted() {
        List<CoreNote> kept = notes.stream()
                .filter(note -> note.owner().equals(CoreNote.CORE)
                        ? note.type() != CoreNote.FLOATS
                        : note.owner().equals(CoreNote.LINUX) && note.type() == CoreNote.THREAD_POINTER)
                .map(note ->
                        note.type() == CoreNote.PROCESS_INFO && note.owner().equals(CoreNote.CORE)
                                ? ProcessNotes.withoutArguments(note)
                                : note)
                .toList();
        return new CoreFacts(kept, filter, excluded, huge, written);
    }

    /**
     * Keeps them.
     *
     * @param notes the notes
     * @param filter the bits
     * @param excluded mappings
     * @param huge mappings
     * @param written mappings
     */
    public CoreFacts {
        notes = List.copyOf(notes);
        excluded = Set.copyOf(excluded);
        huge = Set.copyOf(huge);
        written = Set.copyOf(written);
    }
}
