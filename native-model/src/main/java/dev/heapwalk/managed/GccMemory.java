// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.managed;

import dev.heapwalk.heap.residency.Claim;
import dev.heapwalk.heap.residency.ClaimProvider;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.elf.ElfModule;
import java.util.List;

/**
 * What the collector of GCC's compilers has: it asks for memory by the megabyte, and nothing else in these programs does
 * but malloc, whose blocks tell themselves.
 */
public final class GccMemory implements ClaimProvider {
    private static final long LEAST = 1 << 20;

    /** Makes one for the service loader. */
    public GccMemory() {}

    @Override
    public List<Claim> claims(Target target) {
        boolean compiler = target.modules().stream()
                .filter(ElfModule::program)
                .anyMatch(program ->
                        Runtimes.file(program).matches("cc1(plus|obj|objplus)?|lto1|f951|gnat1|d21|go1|cc1gm2"));
        List<Range> ranges = compiler
                ? Runtimes.anonymous(target)
                        .filter(mapping -> mapping.writable() && mapping.length() >= LEAST)
                        .map(GccMemory::range)
                        .toList()
                : List.of();
        return Runtimes.merged(ranges, "GCC's collector");
    }

    private static Range range(Mapping mapping) {
        return new Range(mapping.start(), mapping.end());
    }
}
