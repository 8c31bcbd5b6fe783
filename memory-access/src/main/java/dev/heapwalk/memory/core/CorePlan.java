// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.core;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Extents;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Target;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Which parts of which mappings are written, as core(5) says of {@code coredump_filter}. */
final class CorePlan {
    private static final int PRIVATE_MEMORY = 1;
    private static final int SHARED_MEMORY = 1 << 1;
    private static final int PRIVATE_FILES = 1 << 2;
    private static final int SHARED_FILES = 1 << 3;
    private static final int ELF_HEADERS = 1 << 4;
    private static final int PRIVATE_HUGE_PAGES = 1 << 5;
    private static final int SHARED_HUGE_PAGES = 1 << 6;

    private static final byte[] ELF = "\177ELF".getBytes(StandardCharsets.ISO_8859_1);
    private static final String DELETED = " (deleted)";

    private static final int EXECUTE = 1;
    private static final int WRITE = 2;
    private static final int READ = 4;

    private final CoreFacts facts;
    private final boolean heapOnly;
    private final AddressSpace memory;
    private final Extents extents;
    private final int pageSize;
    private final List<CoreSegment> segments = new ArrayList<>();
    private long leftOut;

    CorePlan(Target target, CoreFacts facts, boolean heapOnly) {
        this.facts = facts;
        this.heapOnly = heapOnly;
        this.memory = target.memory();
        this.extents = memory.extents();
        this.pageSize = target.pageSize();
        for (Mapping mapping : memory.mappings()) {
            add(mapping);
        }
    }

    /** What is written, in address order. */
    List<CoreSegment> segments() {
        return segments;
    }

    /** How much of what is wanted is not at hand, in bytes. */
    long leftOut() {
        return leftOut;
    }

    private void add(Mapping mapping) {
        int flags = (mapping.readable() ? READ : 0)
                | (mapping.writable() ? WRITE : 0)
                | (mapping.executable() ? EXECUTE : 0);
        // What lies in the kernel's half can't be read from outside.
        boolean wanted = mapping.readable() && mapping.start() >= 0 && isWanted(mapping);
        long until = wanted ? mapping.end() : hasHeader(mapping) ? mapping.start() + pageSize : mapping.start();
        long at = mapping.start();
        do {
            long start = at;
            at = endOf(start, until, false);
            long written = at - start;
            if (at < until) {
                long missing = at;
                at = endOf(missing, until, true);
                leftOut += at - missing;
            }
            segments.add(new CoreSegment(start, written, at < until ? at : mapping.end(), flags));
        } while (at < until);
    }

    /** The end of a run that is elsewhere, or that is not. */
    private long endOf(long from, long until, boolean elsewhere) {
        long at = from;
        while (at < until && (extents.kind(at, until) == Extents.Kind.ELSEWHERE) == elsewhere) {
            at = extents.end();
        }
        return at;
    }

    private boolean isWanted(Mapping mapping) {
        String path = mapping.path();
        if (path.equals("[vdso]")) {
            return true;
        }
        if (facts.excluded().contains(mapping.start()) || mapping.ofDriver()) {
            return false;
        }
        if (heapOnly) {
            // What is only code, made at run time, is no heap.
            boolean code = mapping.executable() && !mapping.writable();
            return !mapping.shared()
                    && (mapping.anonymous() ? !code : facts.written().contains(mapping.start()) || copied(mapping));
        }
        if (facts.huge().contains(mapping.start())) {
            return has(mapping.shared() ? SHARED_HUGE_PAGES : PRIVATE_HUGE_PAGES);
        }
        if (mapping.shared()) {
            return has(mapping.anonymous() || path.endsWith(DELETED) ? SHARED_MEMORY : SHARED_FILES);
        }
        boolean own = mapping.anonymous() || facts.written().contains(mapping.start());
        return own && has(PRIVATE_MEMORY) || !mapping.anonymous() && has(PRIVATE_FILES);
    }

    /** Of a target that does not tell which mappings of files were written, all may be. */
    private boolean copied(Mapping mapping) {
        return facts.filter() == CoreFacts.ALL && (mapping.writable() || !mapping.executable());
    }

    private boolean has(int bit) {
        return (facts.filter() & bit) != 0;
    }

    /** Whether a mapping is the beginning of a program or library, whose build id is there. */
    private boolean hasHeader(Mapping mapping) {
        if (!mapping.readable()
                || mapping.shared()
                || mapping.anonymous()
                || mapping.fileOffset() != 0
                || mapping.start() < 0
                || !heapOnly && !has(ELF_HEADERS)
                || facts.excluded().contains(mapping.start())
                || mapping.ofDriver()
                || extents.kind(mapping.start(), mapping.start() + pageSize) == Extents.Kind.ELSEWHERE) {
            return false;
        }
        byte[] first = new byte[ELF.length];
        return memory.read(mapping.start(), MemorySegment.ofArray(first)) == ELF.length && Arrays.equals(first, ELF);
    }
}
