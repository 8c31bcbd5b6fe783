// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.core.CoreFacts;
import dev.heapwalk.memory.core.CoreNote;
import dev.heapwalk.memory.core.ProcessNotes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What {@code /proc} tells of a process for its core, but for its threads. */
final class ProcessFacts {
    private final ProcessNotes notes;
    private final CoreNote auxiliary;
    private final ProcFs.Dumped dumped;
    private final int filter;

    private ProcessFacts(ProcessNotes notes, CoreNote auxiliary, ProcFs.Dumped dumped, int filter) {
        this.notes = notes;
        this.auxiliary = auxiliary;
        this.dumped = dumped;
        this.filter = filter;
    }

    /**
     * Reads them.
     *
     * @param process whose
     * @param progress called after each part
     */
    static ProcessFacts of(LiveProcess process, Runnable progress) {
        return of(process, process.facts(), progress);
    }

    /**
     * Reads them of a process that stands for another one.
     *
     * @param process what has the memory
     * @param told what is told of the other one
     * @param progress called after each part
     */
    static ProcessFacts of(LiveProcess process, ProcessNotes.Process told, Runnable progress) {
        return new ProcessFacts(
                new ProcessNotes(process.machine(), told),
                new CoreNote(CoreNote.CORE, CoreNote.AUXILIARY, process.auxiliaryBytes()),
                process.dumped(progress),
                process.coreFilter());
    }

    /**
     * Puts them together with what is known of the threads.
     *
     * @param threads all threads
     * @param more more notes of a thread by its id, of register sets
     * @param mappings what is mapped
     * @param pageSize the size of a page in bytes
     */
    CoreFacts with(List<ThreadState> threads, Map<Long, List<CoreNote>> more, Mappings mappings, int pageSize) {
        List<CoreNote> all = new ArrayList<>();
        all.add(notes.info());
        for (ThreadState thread : threads) {
            all.add(notes.status(thread));
            all.addAll(more.getOrDefault(thread.tid(), List.of()));
            all.add(notes.noSignal());
        }
        all.add(auxiliary);
        all.add(notes.files(mappings, pageSize));
        return new CoreFacts(all, filter, dumped.excluded(), dumped.huge(), dumped.written());
    }
}
