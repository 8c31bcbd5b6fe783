// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.managed;

import dev.heapwalk.heap.residency.Claim;
import dev.heapwalk.heap.residency.ClaimProvider;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.elf.ElfModule;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The heap of a Go program, which its goroutines' stacks lie in too: named since Go 1.25, and before that at the place
 * where every Go since 1.11 asks for it. Where the program has no C library, all other anonymous memory is the
 * runtime's own.
 */
public final class GoMemory implements ClaimProvider {
    /** How each Go program's build information begins. */
    private static final long MAGIC = 0x6975_6220_6f47_20ffL;
    /** And how it goes on, for six bytes. */
    private static final long MAGIC_END = 0x3a66_6e69_646cL;

    private static final long SIX_BYTES = 0xffff_ffff_ffffL;
    private static final int ALIGNMENT = 16;
    /** That information stands at the beginning of the data, or behind some of C code's. */
    private static final long FARTHEST = 8 << 20;

    private static final long AMD64 = 0xc0_0000_0000L;
    private static final long ARM64 = 0x40_0000_0000L;
    private static final long MOST = 1L << 38;

    /** Makes one for the service loader. */
    public GoMemory() {}

    @Override
    public List<Claim> claims(Target target) {
        Optional<ElfModule> program =
                target.modules().stream().filter(ElfModule::program).findFirst();
        if (program.isEmpty() || Runtimes.anonymous(target).noneMatch(GoMemory::mayBeHeap)) {
            return List.of();
        }
        try (Reader reader = target.memory().reader(1 << 20)) {
            if (!isGo(reader, program.get())) {
                return List.of();
            }
        }
        List<Range> heap = new ArrayList<>();
        List<Range> rest = new ArrayList<>();
        boolean alone = target.modules().stream()
                .noneMatch(module -> Runtimes.file(module).startsWith("libc."));
        Runtimes.anonymous(target).forEach(mapping -> {
            if (mayBeHeap(mapping)) {
                heap.add(new Range(mapping.start(), mapping.end()));
            } else if (alone || mapping.path().startsWith("[anon: Go:")) {
                rest.add(new Range(mapping.start(), mapping.end()));
            }
        });
        rest.removeIf(range -> program.get().contains(range.start()));
        List<Claim> claims = new ArrayList<>(Runtimes.merged(heap, "Go heap"));
        claims.addAll(Runtimes.merged(rest, "Go runtime"));
        return claims;
    }

    private static boolean mayBeHeap(Mapping mapping) {
        long start = mapping.start();
        return mapping.path().equals("[anon: Go: heap]")
                || mapping.path().equals("[anon: Go: heap reservation]")
                || mapping.path().isEmpty()
                        && (start >= AMD64 && start < AMD64 + MOST || start >= ARM64 && start < ARM64 + MOST);
    }

    private static boolean isGo(Reader reader, ElfModule program) {
        for (Range data : program.writableSegments()) {
            long end = Math.min(data.end(), data.start() + FARTHEST);
            for (long at = (data.start() + ALIGNMENT - 1) & -ALIGNMENT; at < end; at += ALIGNMENT) {
                if (reader.readLong(at, 0) == MAGIC && (reader.readLong(at + Long.BYTES, 0) & SIX_BYTES) == MAGIC_END) {
                    return true;
                }
            }
        }
        return false;
    }
}
