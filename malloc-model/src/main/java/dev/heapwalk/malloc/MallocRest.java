// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.elf.ElfModule;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * Tells which threads are inside glibc's malloc: in one of its functions, in one that was called by them, or in a
 * signal handler that has interrupted one; then the registers that are told are those of that moment. What they change
 * may be half done. While a process has one thread, glibc takes no lock, so nothing in memory tells of it; thread
 * caches are never locked.
 *
 * <p>No symbols but those for the dynamic linker are needed. The functions that they name and those of the same source
 * file lie side by side. Of a static program without symbols it can't tell.
 */
public final class MallocRest implements Rest {
    /**
     * The functions of {@code malloc.c} that have a name for the dynamic linker. In all versions seen they lie behind
     * those that have none, such as {@code _int_malloc}, but for a few small ones between them.
     */
    private static final List<String> EXPORTED = List.of(
            "malloc",
            "free",
            "calloc",
            "realloc",
            "memalign",
            "aligned_alloc",
            "valloc",
            "pvalloc",
            "posix_memalign",
            "malloc_trim",
            "malloc_info");
    /** What there is of the others where all symbols are known, at least in part. */
    private static final List<String> INTERNAL = List.of(
            "_int_malloc",
            "_int_free",
            "_int_free_chunk",
            "_int_realloc",
            "sysmalloc",
            "malloc_consolidate",
            "arena_get2");
    /** How far before the first of them functions without a name lie: at most 0x4aa0 bytes in the versions seen. */
    private static final long BEFORE = 0x6000;
    /** The last one is small. */
    private static final long BEHIND = 0x100;

    private static final String DEBUG_MALLOC = "libc_malloc_debug.so";

    /** How much of a stack is searched for the way back into malloc, in bytes: what is called from there is shallow. */
    private static final int STACK = 2048;

    /** So many signal handlers of a thread are looked behind, of which each has interrupted the one before. */
    private static final int MOST_HANDLERS = 8;

    private static final ValueLayout.OfLong WORD = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /**
     * What malloc calls of the kernel on x86-64 in the middle of a change: mmap, mprotect, munmap, brk, mremap,
     * madvise.
     */
    private static final Set<Long> CALLS = Set.of(9L, 10L, 11L, 12L, 25L, 28L);

    /** What malloc calls of the rest of a C library, by symbol. */
    private static final Pattern CALLED = Pattern.compile("_*(s?brk|(default|glibc)_morecore|mmap(64)?|munmap|mremap"
            + "|mprotect|madvise|mem(set|cpy|move)(_.*)?|lll_lock_.*|get_nprocs.*|getrandom.*|prctl|set_vma_name)");

    /**
     * Where functions of malloc lie in a module.
     *
     * @param alone whether the module is a C library alone, without the program
     */
    private record Code(ElfModule module, boolean alone, long from, long to) {
        boolean contains(long address) {
            return Long.compareUnsigned(address - from, to - from) < 0;
        }

        /** Whether an address may lie in something that malloc calls. */
        boolean mayBeCalled(long address) {
            return module.contains(address)
                    && (alone
                            || module.symbolAt(address)
                                    .filter(symbol ->
                                            CALLED.matcher(symbol.name()).matches())
                                    .isPresent());
        }
    }

    private final Target target;
    private final List<Code> code;

    private MallocRest(Target target, List<Code> code) {
        this.target = target;
        this.code = code;
    }

    /**
     * Finds malloc's functions in a target. That takes some milliseconds; it is best done before the process is
     * stopped.
     *
     * @param target an open target
     * @return what tells of its threads
     */
    public static MallocRest of(Target target) {
        List<ElfModule> modules = target.modules();
        List<Code> code = new ArrayList<>();
        for (ElfModule module : modules) {
            if (LibcModule.isLibc(module) || LibcModule.file(module).startsWith(DEBUG_MALLOC)) {
                add(code, module, true, EXPORTED.stream().map(module::exported));
            }
        }
        if (code.isEmpty()) {
            modules.stream()
                    .filter(module -> module.symbol("_int_malloc").isPresent())
                    .forEach(module -> add(
                            code,
                            module,
                            false,
                            Stream.concat(EXPORTED.stream(), INTERNAL.stream()).map(module::symbol)));
        }
        return new MallocRest(target, List.copyOf(code));
    }

    private static void add(List<Code> code, ElfModule module, boolean alone, Stream<OptionalLong> functions) {
        long[] known = functions.flatMapToLong(OptionalLong::stream).toArray();
        if (known.length > 0) {
            if (!alone) {
                // Makes the index, for which there is no time in a stop.
                module.symbolAt(known[0]);
            }
            code.add(new Code(
                    module,
                    alone,
                    LongStream.of(known).min().getAsLong() - BEFORE,
                    LongStream.of(known).max().getAsLong() + BEHIND));
        }
    }

    @Override
    public boolean tells() {
        return !code.isEmpty();
    }

    @Override
    public List<ThreadState> busy(List<ThreadState> threads) {
        List<ThreadState> busy = new ArrayList<>();
        for (ThreadState thread : threads) {
            Optional<ThreadState> at = Optional.of(thread);
            for (int handlers = 0; at.isPresent() && handlers <= MOST_HANDLERS; handlers++) {
                if (at.get().registers().map(this::inside).orElse(false)) {
                    busy.add(at.get());
                    break;
                }
                at = at.get().interrupted();
            }
        }
        return busy;
    }

    private boolean inside(Registers registers) {
        long at = registers.programCounter();
        if (!isMalloc(at) && !mayBeCalled(at)) {
            return false;
        }
        // One that waits for a lock has changed nothing, and one that was about to print something neither.
        long call = registers.get("orig_rax").orElse(-1);
        if (call >= 0 && !CALLS.contains(call)) {
            return false;
        }
        return isMalloc(at) || calledByMalloc(registers.stackPointer());
    }

    private boolean mayBeCalled(long address) {
        for (Code each : code) {
            if (each.mayBeCalled(address)) {
                return true;
            }
        }
        return false;
    }

    private boolean isMalloc(long address) {
        for (Code each : code) {
            if (each.contains(address)) {
                return true;
            }
        }
        return false;
    }

    /** Whether there is a way back into malloc, before one out of the C library. */
    private boolean calledByMalloc(long stackPointer) {
        MemorySegment stack = MemorySegment.ofArray(new byte[STACK]);
        long read = target.memory().read(stackPointer, stack);
        Mappings mappings = target.memory().mappings();
        for (long at = 0; at + Long.BYTES <= read; at += Long.BYTES) {
            long word = stack.get(WORD, at);
            if (isMalloc(word)) {
                return true;
            }
            if (mappings.at(word).map(Mapping::executable).orElse(false) && !mayBeCalled(word)) {
                return false;
            }
        }
        return false;
    }

    @Override
    public String toString() {
        return "threads inside malloc in " + target.description();
    }
}
